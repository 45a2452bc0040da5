// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/transfer/trail.h"

namespace hubd::transfer {

// What movements have in common when a try failed. Pure.

/// Failures of a host or of the way to it, which waiting may heal.
bool may_heal(ErrorKind kind);
/// How long to wait before the next try, the `attempt`-th, which is counted up. Nothing when no byte would have come for
/// `progress_timeout` by then; a server that says how long to wait is a known wait, not a stall.
std::optional<Duration> wait_before_retry(Error const& error, unsigned& attempt, Duration idle, Duration progress_timeout);
/// "trying again in 4 s: ...", for whoever asks what is waited for.
std::string trying_again(Duration wait, Error const& error);
/// The last words when no byte came for too long, or next to nothing.
Error given_up(Error error, Duration idle, Bytes done, Bytes size, Trail const& trail);
/// How long a request may be silent before its range goes on over another connection: a sixth of what the whole movement may, but
/// not less than 10 s where that leaves room for two, and twice as long with each try; more where a first byte took longer than that.
/// `idle` is what is used up already: no try outlasts the movement's time by more than a second.
Duration silence_max(Duration progress_timeout, Duration idle, Duration first_byte_took, unsigned attempt);

}  // namespace hubd::transfer
