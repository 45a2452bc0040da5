// SPDX-License-Identifier: Apache-2.0
#include "core/net/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cassert>
#include <list>
#include <utility>

#include "core/net/async.h"

namespace hubd::net {

namespace {

/// A cancelled coroutine that awaits once more leaves by this exception: the way it ends, not a bug.
bool is_cancellation(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (boost::system::system_error const& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

}  // namespace

struct TaskGroup::State {
  struct Task {
    char const* name;
    asio::cancellation_signal signal;
  };
  State(asio::any_io_executor e, OnBug b) : executor(std::move(e)), on_bug(std::move(b)), idle(executor) {
    idle.expires_at(asio::steady_timer::time_point::max());
  }
  asio::any_io_executor executor;
  OnBug on_bug;
  std::list<std::shared_ptr<Task>> tasks;  // shared with the completion handler of each
  asio::steady_timer idle;                 // never expires: join() waits on it, the last task cancels it
  bool cancelled = false;
};

TaskGroup::TaskGroup(asio::any_io_executor executor, OnBug on_bug)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_bug))) {}

TaskGroup::~TaskGroup() { assert(state_->tasks.empty() && "a TaskGroup died before join()"); }

void TaskGroup::spawn(char const* name, asio::awaitable<void> task) {
  auto const state = state_;
  auto const entry = std::make_shared<State::Task>();
  entry->name = name;
  state->tasks.push_back(entry);
  auto finish = [state, entry](std::exception_ptr bug) {
    state->tasks.remove(entry);
    if (bug && !is_cancellation(bug)) state->on_bug(bug);
    if (state->tasks.empty()) state->idle.cancel();
  };
  asio::co_spawn(state->executor, std::move(task), asio::bind_cancellation_slot(entry->signal.slot(), std::move(finish)));
  if (state->cancelled) {
    auto const emit = [entry] { entry->signal.emit(asio::cancellation_type::terminal); };
    asio::post(state->executor, emit);
  }
}

void TaskGroup::cancel() {
  state_->cancelled = true;
  // emit() may finish tasks and erase their entries, so walk over a copy.
  auto const tasks = state_->tasks;
  for (auto const& task : tasks) task->signal.emit(asio::cancellation_type::terminal);
  // Outside of a handler Asio posts what emit() does, with a bare pointer into the signal: entries live until that ran.
  auto keep = [tasks] {};
  asio::post(state_->executor, std::move(keep));
}

asio::awaitable<void> TaskGroup::join() {
  auto const state = state_;
  // An owner that was cancelled must still wait: its tasks borrow from it. That it was cancelled it must know afterwards, so
  // its cancellation state stays as it is, and a wait that was cut short begins again.
  bool const throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!state->tasks.empty()) {
    auto const [ignored] = co_await state->idle.async_wait(nothrow);
    (void)ignored;
  }
  co_await asio::this_coro::throw_if_cancelled(throwing);
}

std::size_t TaskGroup::size() const { return state_->tasks.size(); }

}  // namespace hubd::net
