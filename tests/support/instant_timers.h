// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "core/net/timers.h"

namespace hubd::support {

/// Waits that take no time, and are kept.
class InstantTimers final : public net::Timers, public Clock {
 public:
  explicit InstantTimers(WallTime wall = WallTime{}) : wall_(wall) {}
  [[nodiscard]] Clock const& clock() const override { return *this; }
  [[nodiscard]] Time now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return wall_; }
  boost::asio::awaitable<bool> sleep_until(Time deadline) override {
    waits.push_back(deadline - now_);
    now_ = deadline;
    co_return true;
  }
  void pass(Duration duration) {
    now_ += duration;
    wall_ += std::chrono::duration_cast<WallTime::duration>(duration);
  }
  std::vector<Duration> waits;

 private:
  Time now_{};
  WallTime wall_;
};

}  // namespace hubd::support
