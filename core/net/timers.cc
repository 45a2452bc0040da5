// SPDX-License-Identifier: Apache-2.0
#include "core/net/timers.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "core/net/async.h"

namespace hubd::net {

boost::asio::awaitable<bool> SystemTimers::sleep_until(Time deadline) {
  auto const state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return false;  // Asio starts new waits all the same
  auto const executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  auto const [error] = co_await timer.async_wait(nothrow);
  co_return !error;
}

}  // namespace hubd::net
