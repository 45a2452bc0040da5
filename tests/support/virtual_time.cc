// SPDX-License-Identifier: Apache-2.0
#include "tests/support/virtual_time.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "core/net/async.h"

namespace hubd::support {
namespace {

constexpr WallTime kWallAtZero{std::chrono::seconds(1'893'542'400)};  // 2030-01-02 00:00:00 UTC

}  // namespace

WallTime VirtualTime::wall() const {
  return kWallAtZero + std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch() + wall_set_);
}

asio::awaitable<bool> VirtualTime::sleep_until(Time deadline) {
  auto const executor = co_await asio::this_coro::executor;
  Sleeper sleeper{asio::steady_timer(executor, asio::steady_timer::time_point::max()), false};
  Bed const bed{deadline, next_++};
  sleepers_.emplace(bed, &sleeper);
  struct GetUp {  // also when this coroutine is unwound
    std::map<Bed, Sleeper*>& sleepers;
    Bed const& bed;
    ~GetUp() { sleepers.erase(bed); }
  };
  GetUp const get_up{sleepers_, bed};
  auto const [ignored] = co_await sleeper.timer.async_wait(net::nothrow);
  (void)ignored;
  co_return sleeper.due;
}

bool VirtualTime::run_until_idle(std::uint64_t jumps_max) { return wake_until(Time::max(), jumps_max); }

bool VirtualTime::run(Time until, std::uint64_t jumps_max) {
  bool const done = wake_until(until, jumps_max);
  if (done) now_ = std::max(now_, until);
  return done;
}

bool VirtualTime::wake_until(Time until, std::uint64_t jumps_max) {
  run_ready();
  for (std::uint64_t jump = 0; !sleepers_.empty(); ++jump) {
    auto const first = sleepers_.begin();
    auto const deadline = first->first.first;
    if (deadline > until || deadline == Time::max()) break;  // who sleeps forever waits to be cancelled
    if (jump == jumps_max) return false;
    now_ = std::max(now_, deadline);
    auto* const sleeper = first->second;
    sleepers_.erase(first);
    sleeper->due = true;
    sleeper->timer.cancel();
    run_ready();
  }
  return true;
}

void VirtualTime::run_ready() {
  context_.restart();
  while (context_.poll() > 0) context_.restart();
  if (look_) look_();
}

}  // namespace hubd::support
