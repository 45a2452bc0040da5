// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "core/base/clock.h"
#include "core/net/timers.h"

namespace hubd::support {

/// Time that passes only when there is nothing else to do: Clock and Timers of a simulation over one io_context. Runs
/// what is ready, then jumps to the next sleeper; sleepers of one moment wake in the order in which they lay down.
///
/// Single-threaded: everything of the simulation, pools too, runs on `context`, which outlives this. Sleepers end (by
/// time or cancellation) before this dies.
class VirtualTime final : public net::Timers, public Clock {
 public:
  /// What the clocks show at first: one hour since start, on 2 January 2030.
  explicit VirtualTime(boost::asio::io_context& context) : context_(context) {}

  [[nodiscard]] Time now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override;
  /// Somebody sets the time of day, by so much; what runs steadily does not notice.
  void set_wall(Duration by) { wall_set_ += by; }
  [[nodiscard]] Clock const& clock() const override { return *this; }
  boost::asio::awaitable<bool> sleep_until(Time deadline) override;

  /// Until nothing is ready and nobody sleeps, but for those who sleep until Time::max(). False when it gave up after
  /// `jumps_max` wakings.
  bool run_until_idle(std::uint64_t jumps_max = 1'000'000);
  /// The same, but no further than `until`, which is the time afterwards, whoever still sleeps.
  bool run(Time until, std::uint64_t jumps_max = 1'000'000);
  bool run_for(Duration duration) { return run(now_ + duration); }
  [[nodiscard]] std::size_t sleepers() const { return sleepers_.size(); }
  /// Called whenever all that was ready has run.
  void on_step(std::function<void()> look) { look_ = std::move(look); }
  /// The machine sleeps, or the process gets no turn: whoever had to wake meanwhile wakes late.
  void skip(Duration by) { now_ += by; }

 private:
  struct Sleeper {
    boost::asio::steady_timer timer;  // never expires: cancelled to wake
    bool due = false;
  };
  using Bed = std::pair<Time, std::uint64_t>;  // when, and who came first

  bool wake_until(Time until, std::uint64_t jumps_max);
  void run_ready();

  boost::asio::io_context& context_;
  Time now_{std::chrono::hours(1)};
  Duration wall_set_{};  // by how much somebody set the wall clock
  std::function<void()> look_;
  std::uint64_t next_ = 0;
  std::map<Bed, Sleeper*> sleepers_;  // each lives in the frame of its sleep_until()
};

}  // namespace hubd::support
