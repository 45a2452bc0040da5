// SPDX-License-Identifier: Apache-2.0
#include "core/net/timers.h"

#include <gtest/gtest.h>

#include "core/net/signal.h"
#include "tests/support/in_loop.h"

namespace hubd::net {
namespace {

using namespace std::chrono_literals;

TEST(SystemTimers, AWaitEndsAtItsTimeOrEarlyWhenCancelled) {
  SystemClock const clock;
  SystemTimers timers(clock);
  support::Loop loop;
  auto const wait = [](Timers& on, Duration duration) -> Async<bool> {
    bool const slept = co_await on.sleep_for(duration);
    co_return slept;
  };
  auto const slept = loop.run(wait(timers, 1ms));
  ASSERT_TRUE(slept);
  EXPECT_TRUE(*slept);
  auto const past = loop.run(wait(timers, -1s));
  ASSERT_TRUE(past);
  EXPECT_TRUE(*past);

  auto const endless = loop.start(wait(timers, 24h));
  loop.settle();
  EXPECT_FALSE(endless->has_value());
  loop.tasks.cancel();
  loop.until([&] { return endless->has_value(); });
  EXPECT_FALSE(***endless);
}

TEST(SystemTimers, AWaitThatBeginsAfterTheCancellationDoesNotBegin) {
  SystemClock const clock;
  SystemTimers timers(clock);
  support::Loop loop;
  auto const wait_twice = [](Timers& on) -> Async<bool> {
    auto quiet = no_unwinding();
    co_await std::move(quiet);
    bool const first = co_await on.sleep_for(24h);
    bool const second = co_await on.sleep_for(24h);
    co_return first || second;
  };
  auto const waits = loop.start(wait_twice(timers));
  loop.settle();
  loop.tasks.cancel();
  loop.until([&] { return waits->has_value(); });
  EXPECT_FALSE(***waits);
}

}  // namespace
}  // namespace hubd::net
