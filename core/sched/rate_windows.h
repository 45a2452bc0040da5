// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"

namespace hubd::sched {

/// The host's requests per rate-limit window, as the servers announce them (hub-files 6.2).
///
/// Rule: while a window is empty nothing of its class goes out. When it is over one request goes first; the others follow
/// once it was answered well, each a moment after the other, until those that waited have gone.
///
/// Pure: told the time and what answers say. One thread.
class RateWindows {
 public:
  /// Who is counted together: a server counts by token, or by address where there is none.
  struct Key {
    std::string origin;
    std::string who;       ///< a fingerprint of the token; empty: anonymous
    std::string category;  ///< "api", "resolvers", "pages"
    friend auto operator<=>(Key const&, Key const&) = default;
  };

  /// A request wants to go out. Nothing: it may, and counts as sent. Else when to ask again.
  std::optional<Time> ask(Key const& key, Time now);
  /// An answer said how much is left of the window that ends in `reset`.
  void left(Key const& key, Time now, std::int64_t remaining, Duration reset);
  /// An answer refused, and asked to wait so long.
  void refused(Key const& key, Time now, Duration wait);
  /// An answer that said nothing about windows.
  void answered(Key const& key);
  /// A request that was let through came to no answer.
  void unanswered(Key const& key);

  struct Window {
    Key key;
    std::int64_t remaining = 0;
    Duration reset{};  ///< until it is over
    std::size_t waiting = 0;  ///< requests told to wait in this window
  };
  /// Those that are known and not over, for status and metrics.
  [[nodiscard]] std::vector<Window> windows(Time now) const;

 private:
  struct State {
    std::int64_t remaining = 0;
    Time reset{};
    bool known = false;     ///< remaining and reset mean something
    bool reopening = false; ///< it was empty; nothing was answered well since
    bool probing = false;   ///< the one request that goes first is under way
    Time probe_sent{};
    Time paced_until{};
    Time next_slot{};
    std::size_t waiting = 0;
  };
  void reopened(State& state, Time now);

  std::map<Key, State> states_;
};

}  // namespace hubd::sched
