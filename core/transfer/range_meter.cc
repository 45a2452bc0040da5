// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/range_meter.h"

#include <algorithm>

namespace hubd::transfer {
namespace {

constexpr Bytes sample_min = 256_KiB;  // less says little about a connection, unless it took long
constexpr Duration sample_long = std::chrono::seconds(1);

}  // namespace

std::optional<Error> RangeMeter::got(Time now, Bytes bytes) {
  if (bytes > 0) last_ = now;
  bytes_ += bytes;
  bytes_of_period_ += bytes;
  waited_ += now - asked_;
  if (waited_ < patience_) return std::nullopt;
  bool const trickles = http::is_trickle(bytes_of_period_, waited_);
  bool const slow = judge_ != nullptr && judge_->slow(route_, bytes_of_period_, waited_);
  if (!trickles && !slow) {
    waited_ = Duration::zero();
    bytes_of_period_ = 0;
    return std::nullopt;
  }
  if (judge_ != nullptr) judge_->failed(route_);
  auto const where = describe(route_);
  auto const seconds = static_cast<Bytes>(std::max<std::int64_t>(1, std::chrono::floor<std::chrono::seconds>(waited_).count()));
  auto error = fail(ErrorKind::stalled, where + " sent only " + std::to_string(bytes_of_period_ / seconds) + " bytes per second" +
                                            (slow ? ", far less than it usually does" : ""));
  error.host = where;
  return error;
}

void RangeMeter::whole() {
  auto const taken = last_ - begun_;
  if (judge_ != nullptr && (bytes_ >= sample_min || taken >= sample_long)) judge_->moved(route_, bytes_, taken);
}

}  // namespace hubd::transfer
