// SPDX-License-Identifier: Apache-2.0
#include "core/sched/rate_windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace hubd::sched {
namespace {

using namespace std::chrono_literals;

constexpr Time start{1000s};
RateWindows::Key const api{"https://hub", "token", "api"};

TEST(RateWindows, NothingIsKnownNothingIsHeldBack) {
  RateWindows windows;
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(windows.ask(api, start));
  EXPECT_TRUE(windows.windows(start).empty());
}

TEST(RateWindows, WhatIsLeftIsCountedDownWithoutWaitingForAnswers) {
  RateWindows windows;
  EXPECT_FALSE(windows.ask(api, start));
  windows.left(api, start, 3, 20s);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(windows.ask(api, start));
  EXPECT_TRUE(windows.ask(api, start)) << "a fourth would be refused";
  EXPECT_EQ(start + 20s, windows.ask(api, start + 1s));
  // Another token, another class, another host have windows of their own.
  EXPECT_FALSE(windows.ask({"https://hub", "", "api"}, start));
  EXPECT_FALSE(windows.ask({"https://hub", "token", "resolvers"}, start));
  EXPECT_FALSE(windows.ask({"https://mirror", "token", "api"}, start));
}

TEST(RateWindows, LateAnswersDoNotMakeMoreOfAWindow) {
  RateWindows windows;
  windows.left(api, start, 2, 20s);
  windows.left(api, start + 500ms, 8, 19s);  // of an earlier request of the same window
  ASSERT_EQ(1U, windows.windows(start + 500ms).size());
  EXPECT_EQ(2, windows.windows(start + 500ms).front().remaining);
  windows.left(api, start + 10s, 100, 300s);  // a new window
  EXPECT_EQ(100, windows.windows(start + 10s).front().remaining);
}

TEST(RateWindows, AfterAnEmptyWindowOneGoesFirstAndTheOthersFollowPaced) {
  RateWindows windows;
  windows.left(api, start, 0, 20s);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(start + 21s, windows.ask(api, start + 5s));
  auto now = start + 21s;
  EXPECT_FALSE(windows.ask(api, now)) << "the first";
  EXPECT_TRUE(windows.ask(api, now)) << "the others wait for its answer";
  windows.left(api, now + 100ms, 99, 300s);
  now += 100ms;
  // All 49 ask again at every moment they are told; how many go at once?
  int sent = 0;
  std::vector<Time> due(49, now);
  auto const begun = now;
  while (sent < 49) {
    auto const first = std::min_element(due.begin(), due.end());
    now = std::max(now, *first);
    auto const later = windows.ask(api, now);
    if (later) {
      EXPECT_GT(*later, now);
      *first = *later;
      continue;
    }
    due.erase(first);
    ++sent;
  }
  EXPECT_GE(now - begun, 48 * 20ms) << "they must not go all at once";
  EXPECT_LE(now - begun, 3s);
}

TEST(RateWindows, ARefusalIsAnEmptyWindowAndAProbeThatGetsNoAnswerHoldsNobodyUp) {
  RateWindows windows;
  windows.refused(api, start, 8s);
  EXPECT_EQ(start + 8s, windows.ask(api, start + 1s));
  EXPECT_FALSE(windows.ask(api, start + 8s));
  EXPECT_TRUE(windows.ask(api, start + 9s));
  windows.unanswered(api);
  EXPECT_FALSE(windows.ask(api, start + 9s)) << "another goes first";
  EXPECT_TRUE(windows.ask(api, start + 10s));
  EXPECT_FALSE(windows.ask(api, start + 60s)) << "its answer never came";
  windows.answered(api);
  EXPECT_FALSE(windows.ask(api, start + 90s));
  windows.refused(api, start + 91s, 5s);
  EXPECT_TRUE(windows.ask(api, start + 92s));
}

}  // namespace
}  // namespace hubd::sched
