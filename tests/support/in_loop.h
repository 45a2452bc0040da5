// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>

#include "core/net/async.h"
#include "core/net/task_group.h"

namespace hubd::support {

/// An io_context that runs in the test's own thread, as far as the test wants.
class Loop {
 public:
  Loop() : tasks(io.get_executor(), [](std::exception_ptr bug) { std::rethrow_exception(bug); }) {}
  ~Loop() {
    tasks.cancel();
    auto join = [](net::TaskGroup& group, bool& joined) -> asio::awaitable<void> {
      auto joining = group.join();
      co_await std::move(joining);
      joined = true;
    };
    bool joined = false;
    auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(io, join(tasks, joined), ignore);
    until([&joined] { return joined; });
  }
  Loop(Loop const&) = delete;
  Loop& operator=(Loop const&) = delete;

  asio::io_context io;
  net::TaskGroup tasks;

  /// A task whose result can be looked at; empty while it runs, or when it was unwound.
  template <class T>
  std::shared_ptr<std::optional<Result<T>>> start(Async<T> task) {
    auto const place = std::make_shared<std::optional<Result<T>>>();
    tasks.spawn("test", store(std::move(task), place));
    return place;
  }
  /// Runs handlers until `done`; throws after 20 s.
  template <class Done>
  void until(Done done) {
    io.restart();
    auto const work = asio::make_work_guard(io);  // an idle loop waits, too: something may come from another thread
    for (auto left = std::chrono::milliseconds(20'000); !done(); left -= std::chrono::milliseconds(1)) {
      if (left.count() <= 0) throw std::runtime_error("the test's loop waits for something that does not come");
      if (io.run_one_for(std::chrono::milliseconds(1)) > 0) left += std::chrono::milliseconds(1);
      if (io.stopped()) io.restart();
    }
  }
  template <class T>
  Result<T> run(Async<T> task) {
    auto const place = start(std::move(task));
    until([&place] { return place->has_value(); });
    return std::move(**place);
  }
  /// Lets everything happen that is ready now.
  void settle() {
    io.restart();
    while (io.poll() > 0) io.restart();
  }

 private:
  template <class T>
  static asio::awaitable<void> store(Async<T> task, std::shared_ptr<std::optional<Result<T>>> place) {
    auto result = co_await std::move(task);
    place->emplace(std::move(result));
  }
};

}  // namespace hubd::support
