// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/headway.h"

#include "core/http/client.h"
#include "core/transfer/range_meter.h"
#include "core/transfer/retry.h"

namespace hubd::transfer {

void Headway::arrived(Bytes count) {
  since_ += count;
  if (since_ < http::trickle_per_minute) return;
  since_ = 0;
  step();
  permits_.heard();
}

void Headway::whole() {
  slow_in_row_ = 0;
  since_ = 0;
  step();
  trail_.clear();
  permits_.heard();
}

Duration Headway::silence_max(unsigned attempt) const {
  constexpr Duration least = std::chrono::seconds(10);
  auto limit = std::max(std::min(least, timeout_ / 3), std::max(timeout_ / 6, first_byte_took_ * 2));
  for (unsigned i = 0; i < attempt && limit < timeout_; ++i) limit *= 2;
  return std::min(limit, std::max<Duration>(timeout_ - idle(), std::chrono::seconds(1)));
}

Duration Headway::patience() const {
  constexpr unsigned doublings_max = 4;
  Duration const patient = RangeMeter::first_patience * (1U << std::min(slow_in_row_, doublings_max));
  return std::min(patient, std::max(RangeMeter::first_patience, timeout_ - idle()));
}

std::optional<Duration> Headway::before_retry(Error const& error, unsigned& attempt) {
  if (!error.retry_after) permits_.in_vain(idle());
  return wait_before_retry(error, attempt, idle(), timeout_);
}

Error Headway::given_up(Error error, Bytes done, Bytes size) const {
  error.what += "; next to nothing came for " + whole_seconds(idle()) + ", " + std::to_string(done) + " of " + std::to_string(size) + " bytes are kept" +
                trail_.sentence();
  return error;
}

}  // namespace hubd::transfer
