// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>

#include "core/base/bytes.h"
#include "core/base/clock.h"

namespace hubd::sched {

/// Bytes per second over the last few seconds. Told the time, asks no clock.
class RateMeter {
 public:
  /// `total` bytes have been moved by `now`; totals never decrease.
  void note(Time now, Bytes total) {
    if (!points_.empty() && now - points_.back().time < kStep) {
      if (points_.size() > 1) points_.back().total = total;
      return;
    }
    points_.push_back({now, total});
    while (points_.size() > 2 && now - points_.front().time > kWindow) points_.pop_front();
  }
  /// 0 before two points are known.
  [[nodiscard]] double bytes_per_second(Time now, Bytes total) const {
    if (points_.empty() || now <= points_.front().time) return 0;
    std::chrono::duration<double> const span = now - points_.front().time;
    return static_cast<double>(total - points_.front().total) / span.count();
  }

 private:
  static constexpr Duration kStep = std::chrono::milliseconds(200);
  static constexpr Duration kWindow = std::chrono::seconds(5);
  struct Point {
    Time time;
    Bytes total = 0;
  };
  std::deque<Point> points_;
};

}  // namespace hubd::sched
