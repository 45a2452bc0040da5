// SPDX-License-Identifier: Apache-2.0
#include "tests/support/virtual_time.h"

#include <gtest/gtest.h>

#include <exception>
#include <string>
#include <vector>

#include "core/net/async.h"
#include "core/net/task_group.h"

namespace hubd::support {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class VirtualTimeTest : public ::testing::Test {
 protected:
  asio::awaitable<void> sleeper(std::string name, Duration duration) {
    bool const due = co_await time_.sleep_for(duration);
    seen_.push_back(name + (due ? " due at " : " cut at ") + std::to_string((time_.now() - start_) / seconds(1)));
  }
  asio::awaitable<void> ticker() {
    while (true) {
      bool const due = co_await time_.sleep_for(seconds(1));
      if (!due) co_return;
      ++ticks_;
    }
  }
  asio::awaitable<void> joiner() {
    co_await group_.join();
    joined_ = true;
  }

  asio::io_context context_;
  VirtualTime time_{context_};
  Time start_ = time_.now();
  std::vector<std::string> seen_;
  int ticks_ = 0;
  bool joined_ = false;
  net::TaskGroup group_{context_.get_executor(), [](std::exception_ptr bug) { std::rethrow_exception(bug); }};
};

TEST_F(VirtualTimeTest, AYearPassesAtOnceAndInOrder) {
  auto const wall = time_.wall();
  group_.spawn("late", sleeper("late", hours(24 * 365)));
  group_.spawn("first", sleeper("first", seconds(5)));
  group_.spawn("second", sleeper("second", seconds(5)));
  EXPECT_TRUE(time_.run_until_idle());
  EXPECT_EQ(seen_, (std::vector<std::string>{"first due at 5", "second due at 5", "late due at 31536000"}));
  EXPECT_EQ(time_.wall() - wall, hours(24 * 365));
}

TEST_F(VirtualTimeTest, RunStopsAtTheMomentAsked) {
  group_.spawn("long", sleeper("long", seconds(10)));
  EXPECT_TRUE(time_.run_for(seconds(9)));
  EXPECT_EQ(time_.now() - start_, seconds(9));
  EXPECT_EQ(time_.sleepers(), 1U);
  EXPECT_TRUE(seen_.empty());
  EXPECT_TRUE(time_.run_for(seconds(1)));
  EXPECT_EQ(seen_, std::vector<std::string>{"long due at 10"});
}

TEST_F(VirtualTimeTest, ACancelledSleeperWakesAtOnceAndKnowsIt) {
  group_.spawn("long", sleeper("long", hours(1)));
  EXPECT_TRUE(time_.run_for(seconds(3)));
  group_.cancel();
  net::TaskGroup owner(context_.get_executor(), [](std::exception_ptr bug) { std::rethrow_exception(bug); });
  owner.spawn("join", joiner());
  EXPECT_TRUE(time_.run_for(seconds(0)));
  EXPECT_EQ(seen_, std::vector<std::string>{"long cut at 3"});
  EXPECT_TRUE(joined_);
  EXPECT_EQ(time_.sleepers(), 0U);
}

TEST_F(VirtualTimeTest, ADeadlineOfThePastDoesNotTurnTimeBack) {
  EXPECT_TRUE(time_.run_for(seconds(100)));
  group_.spawn("late", sleeper("late", -seconds(50)));
  EXPECT_TRUE(time_.run_until_idle());
  EXPECT_EQ(seen_, std::vector<std::string>{"late due at 100"});
}

TEST_F(VirtualTimeTest, GivesUpOnWhoNeverStopsSleeping) {
  group_.spawn("ticker", ticker());
  EXPECT_FALSE(time_.run_until_idle(1000));
  EXPECT_EQ(ticks_, 1000);
  group_.cancel();
  EXPECT_TRUE(time_.run_until_idle());
}

TEST_F(VirtualTimeTest, WhoSleepsForeverDoesNotMoveTime) {
  group_.spawn("forever", sleeper("forever", Time::max() - time_.now()));
  EXPECT_TRUE(time_.run_until_idle());
  EXPECT_EQ(time_.now(), start_);
  EXPECT_EQ(time_.sleepers(), 1U);
  group_.cancel();
  EXPECT_TRUE(time_.run_until_idle());
  EXPECT_EQ(seen_, std::vector<std::string>{"forever cut at 0"});
}

}  // namespace
}  // namespace hubd::support
