// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/retry.h"

#include <algorithm>

#include "core/net/backoff.h"

namespace hubd::transfer {
namespace {

std::string in_seconds(Duration duration) { return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s"; }

}  // namespace

bool may_heal(ErrorKind kind) {
  return kind == ErrorKind::unreachable || kind == ErrorKind::stalled || kind == ErrorKind::bad_upstream ||
         kind == ErrorKind::rate_limited;
}

std::optional<Duration> wait_before_retry(Error const& error, unsigned& attempt, Duration idle, Duration progress_timeout) {
  net::Backoff const backoff;
  Duration const wait = backoff.wait(attempt++);
  if (error.retry_after) return std::max<Duration>(wait, *error.retry_after);
  if (idle + wait > progress_timeout) return std::nullopt;
  return wait;
}

std::string trying_again(Duration wait, Error const& error) { return "trying again in " + in_seconds(wait) + ": " + error.what; }

Error given_up(Error error, Duration idle, Bytes done, Bytes size, Trail const& trail) {
  error.what += "; next to nothing came for " + in_seconds(idle) + ", " + std::to_string(done) + " of " + std::to_string(size) + " bytes are kept" + trail.sentence();
  return error;
}

Duration silence_max(Duration progress_timeout, Duration idle, Duration first_byte_took, unsigned attempt) {
  constexpr Duration least = std::chrono::seconds(10);
  auto limit = std::max(std::min(least, progress_timeout / 3), std::max(progress_timeout / 6, first_byte_took * 2));
  for (unsigned i = 0; i < attempt && limit < progress_timeout; ++i) limit *= 2;
  return std::min(limit, std::max<Duration>(progress_timeout - idle, std::chrono::seconds(1)));
}

}  // namespace hubd::transfer
