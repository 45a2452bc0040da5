// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <vector>

#include "core/base/bytes.h"

namespace hubd::sched {

/// How many bytes per second the host may receive, by the time of day.
struct BandwidthPlan {
  struct Window {
    int from = 0;  ///< minute of the day, 0 to 1439
    int to = 0;    ///< the first minute behind it; `to` <= `from` reaches over midnight
    std::optional<Bytes> rate;

    [[nodiscard]] bool holds(int minute) const {
      return from < to ? minute >= from && minute < to : minute >= from || minute < to;
    }
    friend bool operator==(Window const&, Window const&) = default;
  };
  std::optional<Bytes> always;  ///< outside of all windows; nothing: no limit
  std::vector<Window> windows;  ///< the first that holds the minute decides

  [[nodiscard]] std::optional<Bytes> at(int minute) const {
    for (auto const& window : windows)
      if (window.holds(minute)) return window.rate;
    return always;
  }
  /// Is there never a limit?
  [[nodiscard]] bool open() const { return !always && windows.empty(); }
};

}  // namespace hubd::sched
