// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/principal.h"
#include "core/sched/keys.h"
#include "core/sched/priority.h"

namespace hubd::sched {

/// Decides who may receive bytes next, and when, so that the host stays at its rate: one token bucket, handed out in
/// quanta to whoever is furthest behind.
///
/// Rule: among those in line the principal that has received the fewest bytes, each byte divided by the weight of its
/// transfer's priority, goes first; among its transfers the same; then who waits longest. Who comes back after a pause
/// has no claim on what passed meanwhile. So everybody in line gets a quantum after finitely many others: nobody starves.
///
/// A step costs the logarithm of what waits. Pure: told the time, asks no clock. One thread.
class Bandwidth {
 public:
  /// More is never granted at once.
  static constexpr Bytes quantum_max = 1_MiB;

  struct Who {
    Principal principal;
    TransferKey transfer{};
    Priority priority = Priority::normal;
  };
  enum class Ticket : std::uint64_t {};

  /// Bytes per second of all together; nothing: no limit. Takes effect at once, also for who waits.
  void set_rate(Time now, std::optional<Bytes> per_second);
  [[nodiscard]] std::optional<Bytes> rate() const { return rate_; }
  /// What one grant is worth now: a twentieth of a second, between 16 KiB and quantum_max.
  [[nodiscard]] Bytes quantum() const;

  /// Stands in line for one quantum.
  Ticket ask(Who who);
  /// Leaves the line.
  void leave(Ticket ticket);
  struct Grant {
    Ticket ticket{};
    Bytes bytes = 0;
  };
  /// The next quantum, if there is one now. Call again until it gives nothing.
  std::optional<Grant> grant(Time now);
  /// Granted bytes that never came.
  void give_back(Who const& who, Bytes bytes);
  /// When grant() may give something, while somebody waits. `now` or earlier: now.
  [[nodiscard]] std::optional<Time> next(Time now);
  [[nodiscard]] std::size_t waiting() const { return line_.size(); }

 private:
  /// What a transfer has received, divided by weight; its first ticket in line; which one it is.
  using Place = std::tuple<std::uint64_t, Ticket, TransferKey>;
  /// A transfer that waits or has received more than newcomers begin with.
  struct Flow {
    std::uint64_t received = 0;  // divided by weight
    std::set<Ticket> waiting;
  };
  struct Group {
    std::uint64_t received = 0;  // of all transfers of a principal, divided by weight
    std::size_t waiting = 0;
    std::map<TransferKey, Flow> transfers;
    std::set<Place> line;
    std::uint64_t floor = 0;  ///< `received` of the transfer that was granted last: newcomers begin there
  };
  [[nodiscard]] double burst() const;
  void fill(Time now);
  static void take_out(Group& group, TransferKey key, Flow const& flow);
  static void put_in(Group& group, TransferKey key, Flow const& flow);
  void forget_idle();

  std::optional<Bytes> rate_;
  Time filled_{};
  double level_ = 0;  ///< bytes that may be granted; below 0 after a quantum that was larger than what was left
  std::uint64_t next_ = 1;
  std::map<Ticket, Who> line_;
  std::map<Principal, Group> groups_;
  std::uint64_t floor_ = 0;
  unsigned grants_ = 0;  // since the idle were forgotten
};

}  // namespace hubd::sched
