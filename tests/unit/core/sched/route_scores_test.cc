// SPDX-License-Identifier: Apache-2.0
#include "core/sched/route_scores.h"

#include <gtest/gtest.h>

namespace hubd::sched {
namespace {

using namespace std::chrono_literals;

Time const start{1h};
std::string const host = "cdn:443";
RouteScores::Key const one{host, "192.0.2.1:443"};
RouteScores::Key const two{host, "192.0.2.2:443"};
using Names = std::vector<std::string>;

TEST(RouteScores, WhatFailedRestsLongerEachTimeAndBytesEndThat) {
  RouteScores scores;
  scores.failed(one, start);
  EXPECT_TRUE(scores.resting(one, start + 9s));
  EXPECT_FALSE(scores.resting(one, start + 10s));
  scores.failed(one, start + 10s);
  scores.failed(one, start + 11s);  // the other connections of the same moment
  EXPECT_TRUE(scores.resting(one, start + 29s));
  EXPECT_FALSE(scores.resting(one, start + 30s)) << "20 s for the second failure";
  auto now = start + 30s;
  for (int i = 0; i < 10; ++i) {
    scores.failed(one, now);
    auto const views = scores.views(now);
    EXPECT_LE(views.at(0).resting, 5min);
    now += views.at(0).resting;
  }
  scores.failed(one, now);
  scores.moved(one, now + 1s, 10_MiB, 1s);
  EXPECT_FALSE(scores.resting(one, now + 2s));
  scores.failed(one, now + 3s);
  EXPECT_FALSE(scores.resting(one, now + 14s)) << "the row of failures was over";
}

TEST(RouteScores, WhoRestsStandsLastAndIsUsedWhenThereIsNoOther) {
  RouteScores scores;
  Names const names{one.address, two.address};
  scores.know(host, names, start);
  EXPECT_EQ(names, scores.order(host, names, start));
  EXPECT_FALSE(scores.has_better(one, start));
  scores.failed(one, start);
  EXPECT_EQ((Names{two.address, one.address}), scores.order(host, names, start + 1s));
  EXPECT_TRUE(scores.has_better(one, start + 1s));
  scores.failed(two, start + 5s);
  EXPECT_EQ(names, scores.order(host, names, start + 6s)) << "the first is rested sooner";
  EXPECT_FALSE(scores.has_better(one, start + 6s));
  EXPECT_EQ(names, scores.order(host, names, start + 1min));
  EXPECT_EQ((Names{"198.51.100.7:443"}), scores.order("other:443", {"198.51.100.7:443"}, start));
}

TEST(RouteScores, SlowIsFarBelowWhatTheHostUsuallyGives) {
  RouteScores scores;
  EXPECT_FALSE(scores.slow(host, start, 1, 1h)) << "nothing is known yet";
  for (int i = 0; i < 3; ++i) scores.moved(one, start, 100_MiB, 10s);
  EXPECT_FALSE(scores.usual(host, start));
  scores.moved(two, start, 100_MiB, 10s);
  ASSERT_TRUE(scores.usual(host, start));
  EXPECT_NEAR(10.0 * 1024 * 1024, *scores.usual(host, start), 1);
  EXPECT_TRUE(scores.slow(host, start + 1s, 6_MiB, 5s));
  EXPECT_FALSE(scores.slow(host, start + 1s, 7_MiB, 5s));
  EXPECT_FALSE(scores.slow("other:443", start + 1s, 1, 5s));
  EXPECT_FALSE(scores.slow(host, start + 3min, 1, 5s)) << "that was long ago";
}

TEST(RouteScores, AHostThatIsSlowAsAWholeHasNoSlowConnection) {
  RouteScores scores;
  for (int i = 0; i < 8; ++i) scores.moved(one, start, 256_KiB, 60s);
  EXPECT_FALSE(scores.slow(host, start, 20_KiB, 5s));
}

}  // namespace
}  // namespace hubd::sched
