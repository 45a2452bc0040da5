// SPDX-License-Identifier: Apache-2.0
#include "daemon/call.h"

#include <boost/asio/this_coro.hpp>

namespace hubd::daemon {
namespace {

asio::awaitable<void> run_method(Method const& method, Principal principal, MessagePtr request, EventQueue& queue,
                                 Result<void>& result) {
  auto const quiet = asio::this_coro::throw_if_cancelled(false);
  co_await quiet;
  auto running = method.stream(principal, std::move(request), queue);
  result = co_await std::move(running);
  queue.close();
}

}  // namespace

Async<void> run_stream(Method const& method, Principal principal, MessagePtr request,
                       std::function<Async<void>(google::protobuf::Message const&)> write, Log& log) {
  auto const executor = co_await asio::this_coro::executor;
  EventQueue queue(executor);
  Result<void> result = fail(ErrorKind::internal, "the call ended by an exception");
  auto on_bug = [&](std::exception_ptr) {
    log.error("a streaming call ended by an exception");
    queue.close();
  };
  net::TaskGroup tasks(executor, on_bug);
  tasks.spawn("streaming call", run_method(method, principal, std::move(request), queue, result));
  while (true) {
    auto const event = co_await queue.next();
    if (!event) break;
    auto const written = co_await write(*event);
    if (!written) break;
  }
  queue.abandon();
  tasks.cancel();  // harmless when the method has ended
  auto joining = tasks.join();
  co_await std::move(joining);
  co_return result;
}

}  // namespace hubd::daemon
