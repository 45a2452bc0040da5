// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/transfer/permits.h"
#include "core/transfer/trail.h"

namespace hubd::transfer {

/// Does a movement get on? What came, against the time that may pass without it; from that, how long the next request may be
/// silent and how long its connection is given before it is judged. Tells `permits` how the movement gets on, since others may wait
/// for the same host. On one executor; `clock` and `permits` outlive it.
class Headway {
 public:
  Headway(Clock const& clock, Permits& permits, Duration progress_timeout) : clock_(clock), permits_(permits), timeout_(progress_timeout) {}

  /// A try that brought as much was none in vain.
  static constexpr Bytes try_min = 64_KiB;

  /// It begins, or got on by other things than bytes of a range.
  void step() { last_ = clock_.now(); }
  /// Bytes of a range came: progress once they are http::trickle_per_minute.
  void arrived(Bytes count);
  /// A range, or a small file, is whole.
  void whole();
  /// A range was given up since its connection is slow.
  void slow() { ++slow_in_row_; }
  /// A request was answered, so long after it was sent.
  void answered(Duration took) { first_byte_took_ = std::max(first_byte_took_, took); }
  /// A try failed.
  void failed(Error const& error) { trail_.note(error); }
  /// Waiting as long as a server asked is no silence: all since `since`.
  void forgive(Time since) { last_ += clock_.now() - since; }
  /// Nor is a wait for a turn since `asked`, as far as others were given something meanwhile.
  void had_turn(Time asked) { forgive_wait(permits_.served(asked)); }
  /// The same of a wait that may have run beside others, so that they do not add up beyond now.
  void forgive_wait(Duration wait) { last_ = std::min(clock_.now(), last_ + wait); }

  /// How long the next request may be silent before its range goes on over another connection: a sixth of what the whole movement
  /// may, but not less than 10 s where that leaves room for two, and twice as long with each try; more where a first byte took longer than
  /// that. No try outlasts the movement's time by more than a second.
  [[nodiscard]] Duration silence_max(unsigned attempt) const;
  /// How long a connection is given before it is judged: longer for each one given up in a row, since the next is not always
  /// better, but within what the movement has before it stands still.
  [[nodiscard]] Duration patience() const;
  /// How long to wait before the next try, the `attempt`-th, which is counted up. Nothing when no byte would have come for too long by
  /// then; a server that says how long to wait is a known wait, not a stall.
  [[nodiscard]] std::optional<Duration> before_retry(Error const& error, unsigned& attempt);
  /// Since it got on; known waits aside.
  [[nodiscard]] Duration idle() const { return clock_.now() - last_; }
  /// The last words when next to nothing came for too long.
  [[nodiscard]] Error given_up(Error error, Bytes done, Bytes size) const;

 private:
  Clock const& clock_;
  Permits& permits_;
  Duration timeout_;
  Time last_{};                 // moved on by trickle_per_minute bytes, or a range's end
  Bytes since_ = 0;             // that came since then
  Duration first_byte_took_{};  // at most
  unsigned slow_in_row_ = 0;    // connections given up since the last whole range
  Trail trail_;
};

}  // namespace hubd::transfer
