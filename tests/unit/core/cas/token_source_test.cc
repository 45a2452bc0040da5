// SPDX-License-Identifier: Apache-2.0
#include "core/cas/token_source.h"

#include <gtest/gtest.h>

#include "tests/support/in_loop.h"

namespace hubd::cas {
namespace {

using namespace std::chrono_literals;

class WallClock final : public Clock {
 public:
  Time now() const override { return steady_now; }
  WallTime wall() const override { return wall_now; }
  void pass(std::chrono::seconds time) {
    steady_now += time;
    wall_now += time;
  }
  Time steady_now{};
  WallTime wall_now = WallTime(1'000'000s);
};

class Scripted final : public TokenSource {
 public:
  Scripted(asio::any_io_executor executor, WallClock const& clock) : TokenSource(executor, clock), clock_(clock), gate_(executor) {}
  int fetches = 0;
  bool closed = false;   ///< fetches wait
  bool failing = false;
  std::chrono::seconds life{900};
  void open_gate() {
    closed = false;
    gate_.notify();
  }

 protected:
  Async<Access> fetch() override {
    ++fetches;
    while (closed) {
      bool const woken = co_await gate_.wait();
      if (!woken) co_return fail(ErrorKind::cancelled, "left");
    }
    if (failing) co_return fail(ErrorKind::unreachable, "no Hub");
    Access access{"http://cas", Secret("token " + std::to_string(fetches)), clock_.wall() + life};
    co_return access;
  }

 private:
  WallClock const& clock_;
  net::Signal gate_;
};

class TokenSourceTest : public ::testing::Test {
 protected:
  std::string get() {
    auto const access = loop_.run(source_.get());
    return access ? access->token.reveal() : access.error().what;
  }
  support::Loop loop_;
  WallClock clock_;
  Scripted source_{loop_.io.get_executor(), clock_};
};

TEST_F(TokenSourceTest, OneTokenServesUntilAMinuteBeforeItsEnd) {
  EXPECT_EQ(get(), "token 1");
  clock_.pass(839s);
  EXPECT_EQ(get(), "token 1");
  clock_.pass(2s);
  EXPECT_EQ(get(), "token 2");
}

TEST_F(TokenSourceTest, AShortLivedTokenIsUsedForHalfOfItsLife) {
  source_.life = 20s;
  EXPECT_EQ(get(), "token 1");
  clock_.pass(9s);
  EXPECT_EQ(get(), "token 1");
  clock_.pass(2s);
  EXPECT_EQ(get(), "token 2");
}

TEST_F(TokenSourceTest, ATokenThatIsOverAtBirthByThisHostsClockIsStillTried) {
  source_.life = -5s;
  EXPECT_EQ(get(), "token 1");
  clock_.pass(14s);
  EXPECT_EQ(get(), "token 1");
  clock_.pass(2s);
  EXPECT_EQ(get(), "token 2");
}

TEST_F(TokenSourceTest, AClockThatIsSetByYearsChangesNothing) {
  constexpr auto year = std::chrono::hours(24 * 365);
  EXPECT_EQ(get(), "token 1");
  for (auto const jump : {5 * year, -10 * year, 5 * year}) {
    clock_.wall_now += jump;
    EXPECT_EQ(get(), "token 1");
  }
  clock_.pass(841s);
  EXPECT_EQ(get(), "token 2");
}

TEST_F(TokenSourceTest, AClockThatIsYearsOffDoesNotAskForATokenPerFile) {
  for (auto const off : {std::chrono::seconds(-100'000'000), std::chrono::seconds(100'000'000)}) {
    source_.life = off;
    source_.refuse({"http://cas", Secret("token " + std::to_string(source_.fetches)), {}});
    auto const first = get();
    for (int file = 0; file < 100; ++file) EXPECT_EQ(get(), first);
  }
  EXPECT_EQ(source_.fetches, 2);
}

TEST_F(TokenSourceTest, ARefusedTokenIsFetchedAnewOnce) {
  auto const access = loop_.run(source_.get());
  ASSERT_TRUE(access);
  source_.refuse(*access);
  EXPECT_EQ(get(), "token 2");
  source_.refuse(*access);  // somebody who still held the old one
  EXPECT_EQ(get(), "token 2");
}

TEST_F(TokenSourceTest, ManyWhoWaitCostOneFetch) {
  source_.closed = true;
  auto const one = loop_.start(source_.get());
  auto const two = loop_.start(source_.get());
  loop_.settle();
  EXPECT_EQ(source_.fetches, 1);
  source_.open_gate();
  loop_.until([&] { return one->has_value() && two->has_value(); });
  EXPECT_EQ(source_.fetches, 1);
  EXPECT_EQ((**two)->token.reveal(), "token 1");
}

TEST_F(TokenSourceTest, AFailureIsEachCallersOwn) {
  source_.failing = true;
  EXPECT_EQ(get(), "no Hub");
  source_.failing = false;
  EXPECT_EQ(get(), "token 2");
}

}  // namespace
}  // namespace hubd::cas
