// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "core/base/principal.h"
#include "core/sched/priority.h"

namespace hubd::sched {

/// Decides who is next for one of a bounded number of places, each held for long. In bounded memory for each who stands here.
///
/// Rule: the principal with the fewest places goes first. Among its own there are six kinds: of each priority those that somebody
/// waits for and those that nobody does. They share the places that come free by weight: 16, 4 and 1 by priority, four times as
/// many when somebody waits; within a kind who came first goes first. An eighth of the places is kept for what somebody waits for.
/// So nobody starves while places come back: of 105 that a principal gets, the lightest kind gets one.
/// Pure: no clock, no I/O. One thread.
class Line {
 public:
  explicit Line(std::size_t places) : places_(places) {}

  struct Who {
    Principal principal;
    Priority priority = Priority::normal;
    bool awaited = false;  ///< somebody waits for it
  };
  enum class Ticket : std::uint64_t {};
  Ticket ask(Who who);
  /// From now on it matters so much. Whoever waits keeps the time when it came.
  void change(Ticket ticket, Priority priority, bool awaited);
  /// Leaves the line, or gives back a place.
  void leave(Ticket ticket);
  /// Grants the next place, if one may be granted now. Call again until it gives nothing.
  std::optional<Ticket> grant();

  [[nodiscard]] std::size_t places() const { return places_; }
  [[nodiscard]] std::size_t held() const { return held_; }
  [[nodiscard]] std::size_t waiting() const { return all_.size() - held_; }

 private:
  static constexpr std::size_t kind_count = 6;
  struct Entry {
    Principal principal;
    std::uint8_t kind = 0;
    bool held = false;
  };
  struct Kind {
    std::set<Ticket> waiting;
    std::uint64_t pass = 0;  // how far its share has been used
  };
  struct Own {
    std::array<Kind, kind_count> kinds;
    std::size_t held = 0;
    std::size_t waiting = 0;
    std::uint64_t pass = 0;  // of the kind that went last
  };
  static std::uint8_t kind_of(Priority priority, bool awaited);
  [[nodiscard]] bool may_go(std::size_t kind) const;
  /// Of those that may go, the kind whose turn it is; kind_count: none.
  [[nodiscard]] std::size_t next_kind(Own const& own) const;
  void stand(Ticket ticket, Own& own, std::uint8_t kind);
  void count(Own& own, std::uint8_t kind, std::ptrdiff_t change);

  std::size_t places_;
  std::size_t held_ = 0;
  std::size_t held_unawaited_ = 0;
  std::uint64_t next_ = 1;
  std::map<Ticket, Entry> all_;
  std::map<Principal, Own> owners_;  // who stands here or holds a place
};

}  // namespace hubd::sched
