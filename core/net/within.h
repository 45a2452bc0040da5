// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <utility>

#include "core/net/signal.h"
#include "core/net/task_group.h"
#include "core/net/timers.h"

namespace hubd::net {

/// Work with an end: what `work` gives, or `late` when the deadline comes first and the work, cancelled then, has no answer.
/// Without a deadline it is the work itself. On the awaiting coroutine's executor; `work` may borrow from the caller.
template <class T>
class Within {
 public:
  Within(Timers& timers, std::optional<Time> deadline) : timers_(timers), deadline_(deadline) {}

  Async<T> run(std::function<Async<T>()> work, Error late) {
    auto quiet = no_unwinding();
    co_await std::move(quiet);
    if (!deadline_) {
      auto running = work();
      auto plain = co_await std::move(running);
      co_return plain;
    }
    auto const executor = co_await asio::this_coro::executor;
    Signal changed(executor);
    auto on_bug = [&changed](std::exception_ptr) { changed.notify(); };
    TaskGroup tasks(executor, on_bug);
    tasks.spawn("work with a deadline", live(*this, std::move(work), changed));
    if (!result_) tasks.spawn("deadline", watch(*this, changed));
    while (!result_ && !late_ && tasks.size() == 2) {
      bool const woken = co_await changed.wait();
      if (!woken) break;
    }
    tasks.cancel();
    auto joining = tasks.join();
    co_await std::move(joining);
    bool const cut = !result_ || (!*result_ && result_->error().kind == ErrorKind::cancelled);
    if (cut && late_) co_return late;
    if (!result_) co_return fail(ErrorKind::cancelled, "the caller left");
    co_return std::move(*result_);
  }

 private:
  static asio::awaitable<void> live(Within& self, std::function<Async<T>()> work, Signal& changed) {
    auto quiet = no_unwinding();
    co_await std::move(quiet);
    auto running = work();
    auto result = co_await std::move(running);
    self.result_.emplace(std::move(result));
    changed.notify();
  }
  static asio::awaitable<void> watch(Within& self, Signal& changed) {
    auto quiet = no_unwinding();
    co_await std::move(quiet);
    bool const slept = co_await self.timers_.sleep_until(*self.deadline_);
    self.late_ = slept;
    changed.notify();
  }

  Timers& timers_;
  std::optional<Time> deadline_;
  std::optional<Result<T>> result_;
  bool late_ = false;
};

}  // namespace hubd::net
