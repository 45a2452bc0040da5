// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/error.h"

namespace hubd::transfer {

// What movements have in common when a try failed. Pure.

/// Failures of a host or of the way to it, which waiting may heal.
bool may_heal(ErrorKind kind);
/// How long to wait before the next try, the `attempt`-th, which is counted up. Nothing when no byte would have come for
/// `progress_timeout` by then; a server that says how long to wait is a known wait, not a stall.
std::optional<Duration> wait_before_retry(Error const& error, unsigned& attempt, Duration idle, Duration progress_timeout);
/// "trying again in 4 s: ...", for whoever asks what is waited for.
std::string trying_again(Duration wait, Error const& error);
/// "4 s".
std::string whole_seconds(Duration duration);

}  // namespace hubd::transfer
