// SPDX-License-Identifier: Apache-2.0
#include "core/net/task_group.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>

#include "core/net/signal.h"
#include "tests/support/in_loop.h"

namespace hubd::net {
namespace {

using namespace std::chrono_literals;

struct Flag {
  bool& set;
  ~Flag() { set = true; }
};

asio::awaitable<void> wait_for_ever(bool& aborted) {
  auto const executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, 24h);
  auto const [error] = co_await timer.async_wait(nothrow);
  aborted = error == asio::error::operation_aborted;
}

/// Awaits again after it was cancelled.
asio::awaitable<void> wait_again_and_again(bool& unwound) {
  Flag const flag{unwound};
  auto const executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, 24h);
  while (true) {
    auto const [error] = co_await timer.async_wait(nothrow);
    (void)error;
  }
}

class TaskGroupTest : public ::testing::Test {
 protected:
  void join(TaskGroup& group) {
    auto const joining = [](TaskGroup& which) -> Async<void> {
      auto waiting = which.join();
      co_await std::move(waiting);
      co_return Result<void>();
    };
    ASSERT_TRUE(loop_.run(joining(group)));
  }
  TaskGroup group() {
    return {loop_.io.get_executor(), [this](std::exception_ptr bug) { bugs_.push_back(bug); }};
  }
  support::Loop loop_;
  std::vector<std::exception_ptr> bugs_;
};

TEST_F(TaskGroupTest, JoinOfNothingReturns) {
  auto tasks = group();
  join(tasks);
}

TEST_F(TaskGroupTest, CancelEndsTheAwaitUnderWay) {
  auto tasks = group();
  bool aborted = false;
  tasks.spawn("wait", wait_for_ever(aborted));
  loop_.settle();
  EXPECT_EQ(tasks.size(), 1U);
  tasks.cancel();
  join(tasks);
  EXPECT_TRUE(aborted);
  EXPECT_TRUE(bugs_.empty());
}

TEST_F(TaskGroupTest, ACancelledTaskThatAwaitsAgainIsUnwoundAndIsNoBug) {
  auto tasks = group();
  bool unwound = false;
  tasks.spawn("wait", wait_again_and_again(unwound));
  loop_.settle();
  tasks.cancel();
  join(tasks);
  EXPECT_TRUE(unwound);
  EXPECT_TRUE(bugs_.empty());
}

TEST_F(TaskGroupTest, ATaskSpawnedAfterCancelIsCancelledToo) {
  auto tasks = group();
  tasks.cancel();
  bool aborted = false;
  tasks.spawn("late", wait_for_ever(aborted));
  join(tasks);
  EXPECT_TRUE(aborted);
}

TEST_F(TaskGroupTest, AnExceptionIsReportedAndTheOthersGoOn) {
  auto tasks = group();
  auto const throwing = []() -> asio::awaitable<void> {
    throw std::logic_error("a bug");
    co_return;
  };
  tasks.spawn("throws", throwing());
  bool aborted = false;
  tasks.spawn("wait", wait_for_ever(aborted));
  loop_.settle();
  EXPECT_EQ(bugs_.size(), 1U);
  EXPECT_EQ(tasks.size(), 1U);
  tasks.cancel();
  join(tasks);
}

TEST_F(TaskGroupTest, CancelFromOutsideOfTheLoopIsSafeWhenTheTaskEndsMeanwhile) {
  for (int i = 0; i < 100; ++i) {
    auto tasks = group();
    auto const brief = []() -> asio::awaitable<void> {
      auto const executor = co_await asio::this_coro::executor;
      asio::steady_timer timer(executor, asio::steady_timer::time_point::min());
      auto const [error] = co_await timer.async_wait(nothrow);
      (void)error;
    };
    tasks.spawn("brief", brief());
    loop_.io.restart();
    for (int step = 0; step < i % 5; ++step) loop_.io.poll_one();
    tasks.cancel();
    join(tasks);
  }
}

TEST_F(TaskGroupTest, ACancelledOwnerStillWaitsForItsTasks) {
  bool unwound = false;
  bool owner_saw = false;
  auto const owner = [](asio::any_io_executor executor, bool& inner_unwound, bool& saw) -> asio::awaitable<void> {
    auto quiet = no_unwinding();
    co_await std::move(quiet);
    TaskGroup inner(executor, [](std::exception_ptr) {});
    inner.spawn("inner", wait_again_and_again(inner_unwound));
    bool aborted = false;
    auto waiting = wait_for_ever(aborted);
    co_await std::move(waiting);
    inner.cancel();
    auto joining = inner.join();
    co_await std::move(joining);
    saw = inner_unwound;
  };
  auto tasks = group();
  tasks.spawn("owner", owner(loop_.io.get_executor(), unwound, owner_saw));
  loop_.settle();
  tasks.cancel();
  join(tasks);
  EXPECT_TRUE(owner_saw);
  EXPECT_TRUE(bugs_.empty());
}

TEST_F(TaskGroupTest, AnOwnerThatJoinedStillKnowsThatItWasCancelled) {
  enum class Saw { nothing, cancelled, woken } saw = Saw::nothing;
  auto const owner = [](asio::any_io_executor executor, Saw& result) -> asio::awaitable<void> {
    auto quiet = no_unwinding();
    co_await std::move(quiet);
    TaskGroup inner(executor, [](std::exception_ptr) {});
    bool aborted = false;
    auto waiting = wait_for_ever(aborted);
    co_await std::move(waiting);
    auto joining = inner.join();
    co_await std::move(joining);
    Signal never(executor);
    bool const woken = co_await never.wait();
    result = woken ? Saw::woken : Saw::cancelled;
  };
  auto tasks = group();
  tasks.spawn("owner", owner(loop_.io.get_executor(), saw));
  loop_.settle();
  tasks.cancel();
  loop_.settle();
  EXPECT_EQ(Saw::cancelled, saw) << "it waits for something that never comes, for nobody";
  tasks.cancel();
  join(tasks);
}

}  // namespace
}  // namespace hubd::net
