// SPDX-License-Identifier: Apache-2.0
// Futures and the count of calls, without gRPC, so that ThreadSanitizer sees all of it.
#include "client/future.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "client/calls.h"

namespace hubd::client {
namespace {

struct Call {
  Future<int> future() { return {promise.get_future(), stop}; }
  std::promise<Result<int>> promise;
  std::stop_source stop;
};

TEST(Future, OfNoCallIsNotValid) {
  Future<int> future;
  EXPECT_FALSE(future.valid());
  future.cancel();
  future = Future<int>();
}

TEST(Future, GivesItsAnswerOnce) {
  Call call;
  auto future = call.future();
  EXPECT_FALSE(future.ready());
  call.promise.set_value(7);
  EXPECT_TRUE(future.ready());
  EXPECT_EQ(7, *future.get());
  EXPECT_FALSE(future.valid());
  EXPECT_FALSE(call.stop.stop_requested()) << "a call that gave its answer is not cancelled";
}

TEST(Future, CancelsWhatItDropsAndNothingElse) {
  Call dropped, replaced, moved, released;
  {
    auto const future = dropped.future();
  }
  EXPECT_TRUE(dropped.stop.stop_requested());
  auto future = replaced.future();
  future = moved.future();
  EXPECT_TRUE(replaced.stop.stop_requested());
  auto const other = std::move(future);
  EXPECT_FALSE(moved.stop.stop_requested());
  {
    auto going_on = released.future();
    going_on.release();
  }
  EXPECT_FALSE(released.stop.stop_requested());
}

TEST(Future, IsWaitedForAndCancelledByManyThreads) {
  Call call;
  auto future = call.future();
  std::atomic<int> seen = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        future.cancel();
        future.wait();
        seen += future.ready() ? 1 : 0;
      });
    call.promise.set_value(make_error(ErrorKind::cancelled, "the call was cancelled"));
  }
  EXPECT_EQ(8, seen);
  EXPECT_EQ(ErrorKind::cancelled, future.get().error().kind);
}

TEST(Calls, CountUpToTheirLimit) {
  Calls calls(2);
  EXPECT_TRUE(calls.enter());
  EXPECT_TRUE(calls.enter());
  EXPECT_FALSE(calls.enter());
  calls.leave();
  EXPECT_TRUE(calls.enter());
  calls.leave();
  calls.leave();
}

TEST(Calls, CloseAsksAllToEndAndWaitsForTheLast) {
  for (int round = 0; round < 100; ++round) {
    auto calls = std::make_unique<Calls>(64);
    std::atomic<int> running = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      ASSERT_TRUE(calls->enter());
      ++running;
      threads.emplace_back([&running, &all = *calls, closing = calls->closing()] {
        std::promise<void> asked;
        std::stop_callback const callback(closing, [&asked] { asked.set_value(); });
        asked.get_future().wait();
        --running;
        all.leave();  // the last use of it
      });
    }
    calls->close();
    EXPECT_EQ(0, running);
    EXPECT_FALSE(calls->enter());
    calls.reset();
  }
}

}  // namespace
}  // namespace hubd::client
