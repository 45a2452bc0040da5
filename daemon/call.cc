// SPDX-License-Identifier: Apache-2.0
#include "daemon/call.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <boost/asio/this_coro.hpp>

#include "core/base/call_note.h"
#include "hubd/v1/common.pb.h"

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

std::string CallCounter::name(google::protobuf::Message& request) {
  // Every request that has a caller has it under this name.
  auto const* const field = request.GetDescriptor()->FindFieldByName("caller");
  bool const has_caller = field != nullptr && field->message_type() == v1::Caller::descriptor();
  auto* const caller = has_caller ? static_cast<v1::Caller*>(request.GetReflection()->MutableMessage(&request, field)) : nullptr;
  if (caller != nullptr && is_call_id(caller->call_id())) return caller->call_id();
  auto id = prefix_ + "-" + std::to_string(++named_);
  if (caller != nullptr) caller->set_call_id(id);
  return id;
}

void note_end(Log& log, Method const& method, Principal principal, std::string const& call, Error const* error) {
  auto const who = method.name + " of user " + std::to_string(principal.uid);
  if (error == nullptr) {
    if (log.enabled(LogLevel::debug)) log.debug(about_call(who + " ended well", call));
    return;
  }
  auto const line = about_call(who + " failed: " + std::string(name_of(error->kind)) + ": " + describe(*error), call);
  if (error->kind == ErrorKind::cancelled)
    log.debug(line);
  else
    log.info(line);
}

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
