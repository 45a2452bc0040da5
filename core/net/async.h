// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

#include "core/base/result.h"

namespace hubd {
namespace asio = boost::asio;

/// A coroutine that ends in a Result. Expected failures are Errors; an exception out of one is our bug.
template <class T>
using Async = asio::awaitable<Result<T>>;
}  // namespace hubd

namespace hubd::net {

/// Completion token: errors arrive as the first element of a tuple, never as an exception.
inline constexpr auto nothrow = asio::as_tuple(asio::use_awaitable);

/// Runs `job` on `pool` (disk, SQLite, hashing); the caller resumes on its own executor. In simulations `pool` is the
/// simulation's only executor, so that a run is deterministic. `job` must outlive the await: name it in the caller.
/// Cancelling the caller does not reach the job, which always runs: it borrows from the caller's frame.
template <class Job>
auto offload(asio::any_io_executor pool, Job& job) -> asio::awaitable<std::invoke_result_t<Job&>> {
  auto task = [&job]() -> asio::awaitable<std::invoke_result_t<Job&>> { co_return job(); };
  auto shielded = asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable);
  co_return co_await asio::co_spawn(pool, task, std::move(shielded));
}

}  // namespace hubd::net
