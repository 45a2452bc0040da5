// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <map>
#include <string>

#include "core/base/clock.h"

namespace hubd::engine {

/// When ways to bytes (a host by a route) gave nothing, as those found out who had their turn. Who stood in line behind them
/// meanwhile waited for nothing either, and need not find that out once more by itself, each file after the other.
/// Pure: no clock. All on one executor.
class Silence {
 public:
  /// Somebody got on by this way.
  void heard(std::string const& way, Time now) { find(way) = {now, now, now}; }
  /// A try by this way failed, and who tried has had nothing for `idle`.
  void in_vain(std::string const& way, Time now, Duration idle) {
    auto& known = find(way);
    auto const begun = std::max(known.heard, now - idle);
    known.since = begun > known.until ? begun : std::min(known.since, begun);
    known.until = now;
  }
  /// Of a wait for a turn since `asked`, how long others may have been given something.
  [[nodiscard]] Duration served(std::string const& way, Time asked, Time now) const {
    auto const known = ways_.find(way);
    if (known == ways_.end()) return now - asked;
    auto const silent = std::min(now, known->second.until) - std::max(asked, known->second.since);
    return now - asked - std::max<Duration>(silent, Duration::zero());
  }

 private:
  static constexpr std::size_t ways_max = 256;
  struct Way {
    Time heard{};  // last
    Time since{};  // the latest silence, up to the last try in vain
    Time until{};
  };
  Way& find(std::string const& way) {
    if (ways_.size() >= ways_max && !ways_.contains(way)) ways_.clear();  // then each finds out for itself
    return ways_[way];
  }
  std::map<std::string, Way> ways_;
};

}  // namespace hubd::engine
