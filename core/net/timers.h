// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/awaitable.hpp>

#include "core/base/clock.h"

namespace hubd::net {

/// Waiting, as a seam: real in main, virtual in simulations.
class Timers {
 public:
  virtual ~Timers() = default;
  [[nodiscard]] virtual Clock const& clock() const = 0;
  /// Resumes at `deadline` with true, or early with false when this coroutine was cancelled.
  virtual boost::asio::awaitable<bool> sleep_until(Time deadline) = 0;
  boost::asio::awaitable<bool> sleep_for(Duration duration) { return sleep_until(clock().now() + duration); }
};

/// steady_timer on the awaiting coroutine's executor. `clock` outlives it.
class SystemTimers final : public Timers {
 public:
  explicit SystemTimers(Clock const& clock) : clock_(clock) {}
  [[nodiscard]] Clock const& clock() const override { return clock_; }
  boost::asio::awaitable<bool> sleep_until(Time deadline) override;

 private:
  Clock const& clock_;
};

}  // namespace hubd::net
