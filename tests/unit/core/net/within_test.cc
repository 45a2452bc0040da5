// SPDX-License-Identifier: Apache-2.0
#include "core/net/within.h"

#include <gtest/gtest.h>

#include "tests/support/in_loop.h"

namespace hubd::net {
namespace {

using namespace std::chrono_literals;

class WithinTest : public testing::Test {
 protected:
  Error late() { return fail(ErrorKind::deadline_exceeded, "late"); }
  /// Gives 7 once `gate` was notified; cancelled when it is cancelled before.
  std::function<Async<int>()> wait_for(Signal& gate) {
    return [&gate, this]() { return wait(gate, left_); };
  }
  static Async<int> wait(Signal& gate, bool& left) {
    auto quiet = no_unwinding();
    co_await std::move(quiet);
    bool const woken = co_await gate.wait();
    left = true;
    if (!woken) co_return fail(ErrorKind::cancelled, "cancelled");
    co_return 7;
  }
  SystemClock clock_;
  SystemTimers timers_{clock_};
  support::Loop loop_;
  bool left_ = false;
};

TEST_F(WithinTest, WorkThatEndsInTimeGivesItsResult) {
  Signal gate(loop_.io.get_executor());
  Within<int> limited(timers_, clock_.now() + 1h);
  auto const result = loop_.start(limited.run(wait_for(gate), late()));
  loop_.settle();
  EXPECT_FALSE(result->has_value());
  gate.notify();
  loop_.until([&] { return result->has_value(); });
  EXPECT_EQ((*result)->value(), 7);
}

TEST_F(WithinTest, WithoutADeadlineItIsTheWorkItself) {
  Signal gate(loop_.io.get_executor());
  Within<int> limited(timers_, std::nullopt);
  auto const result = loop_.start(limited.run(wait_for(gate), late()));
  loop_.settle();
  gate.notify();
  loop_.until([&] { return result->has_value(); });
  EXPECT_EQ((*result)->value(), 7);
}

TEST_F(WithinTest, ADeadlineThatPassesEndsTheWorkAndSaysSo) {
  Signal gate(loop_.io.get_executor());
  for (auto const deadline : {clock_.now() + 1ms, clock_.now() - 1s}) {
    left_ = false;
    Within<int> limited(timers_, deadline);
    auto const result = loop_.run(limited.run(wait_for(gate), late()));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::deadline_exceeded);
    EXPECT_TRUE(left_) << "nothing of the work is left behind";
  }
}

TEST_F(WithinTest, ACallerWhoLeavesTakesTheWorkAlong) {
  Signal gate(loop_.io.get_executor());
  Within<int> limited(timers_, clock_.now() + 1h);
  auto const result = loop_.start(limited.run(wait_for(gate), late()));
  loop_.settle();
  loop_.tasks.cancel();
  loop_.until([&] { return result->has_value(); });
  EXPECT_EQ((*result)->error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(left_);
}

TEST_F(WithinTest, AFailureOfTheWorkIsTheFailure) {
  Within<int> limited(timers_, clock_.now() + 1h);
  std::function<Async<int>()> const work = []() -> Async<int> { co_return fail(ErrorKind::io, "broken"); };
  auto const result = loop_.run(limited.run(work, late()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::io);
}

}  // namespace
}  // namespace hubd::net
