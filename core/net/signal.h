// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "core/net/async.h"

namespace hubd::net {

/// Wakes coroutines that wait for something to change. Waiters look at the world again: a wake may be for another.
/// All on one executor, single-threaded or a strand. Dies after its waiters.
class Signal {
 public:
  explicit Signal(asio::any_io_executor executor) : timer_(std::move(executor), asio::steady_timer::time_point::max()) {}

  void notify() { timer_.cancel(); }
  /// Resumes at the next notify() with true, or with false when this coroutine was cancelled (also before the call).
  asio::awaitable<bool> wait() {
    auto const before = co_await asio::this_coro::cancellation_state;
    if (before.cancelled() != asio::cancellation_type::none) co_return false;
    auto const [ignored] = co_await timer_.async_wait(nothrow);
    (void)ignored;
    auto const after = co_await asio::this_coro::cancellation_state;
    co_return after.cancelled() == asio::cancellation_type::none;
  }

 private:
  asio::steady_timer timer_;  // never expires
};

/// From here on this coroutine (and what it awaits) is not unwound by cancellation: waits end early instead.
/// Every task that owns a TaskGroup, or must clean up by awaiting, begins with it.
inline asio::awaitable<void> no_unwinding() {
  auto const quiet = asio::this_coro::throw_if_cancelled(false);
  co_await quiet;
}

}  // namespace hubd::net
