// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/retry.h"

#include <algorithm>

#include "core/net/backoff.h"

namespace hubd::transfer {
std::string whole_seconds(Duration duration) { return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s"; }

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

std::string trying_again(Duration wait, Error const& error) { return "trying again in " + whole_seconds(wait) + ": " + error.what; }

}  // namespace hubd::transfer
