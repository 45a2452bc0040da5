// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/sched/disk_budget.h"
#include "core/sched/rate_meter.h"

namespace hubd::sched {
namespace {

using namespace std::chrono_literals;

TEST(DiskBudget, NeverGivesOutTheFloorOrWhatOthersReserved) {
  DiskBudget budget;
  EXPECT_TRUE(budget.ask({{"a", 90}}, 100, 10).fits);
  auto const refused = budget.ask({{"a", 91}}, 100, 10);
  EXPECT_FALSE(refused.fits);
  EXPECT_EQ(1U, refused.shortfall);
  auto const first = budget.reserve({{"a", 60}});
  EXPECT_FALSE(budget.ask({{"b", 31}}, 100, 10).fits);
  EXPECT_TRUE(budget.ask({{"b", 30}}, 100, 10).fits);
  budget.settled("a");  // now the file system itself counts it
  EXPECT_EQ(0U, budget.reserved());
  EXPECT_TRUE(budget.ask({{"b", 30}}, 40, 10).fits);
  budget.release(first);
}

TEST(DiskBudget, WhatTwoTransfersWantCountsOnce) {
  DiskBudget budget;
  auto const first = budget.reserve({{"a", 60}, {"b", 10}});
  EXPECT_TRUE(budget.ask({{"a", 60}, {"c", 30}}, 100, 0).fits);
  auto const second = budget.reserve({{"a", 60}, {"c", 30}});
  EXPECT_EQ(100U, budget.reserved());
  budget.release(first);
  EXPECT_EQ(90U, budget.reserved());
  budget.settled("a");
  EXPECT_EQ(30U, budget.reserved());
  budget.release(second);
  EXPECT_EQ(0U, budget.reserved());
}

TEST(DiskBudget, LateNewsOfATransferThatEndedChangesNothing) {
  DiskBudget budget;
  auto const first = budget.reserve({{"a", 50}});
  budget.release(first);
  budget.settled("a");
  budget.release(first);
  EXPECT_EQ(0U, budget.reserved());
}

TEST(DiskBudget, NothingWantedAlwaysFits) { EXPECT_TRUE(DiskBudget().ask({}, 0, 100).fits); }

TEST(RateMeter, SaysWhatTheLastSecondsWere) {
  RateMeter meter;
  Time now{1h};
  EXPECT_EQ(0, meter.bytes_per_second(now, 0));
  Bytes total = 0;
  for (int i = 0; i < 100; ++i) {
    meter.note(now, total);
    now += 200ms;
    total += 200'000;
  }
  EXPECT_NEAR(1e6, meter.bytes_per_second(now, total), 1e4);
  for (int i = 0; i < 50; ++i) {  // ten seconds of silence
    meter.note(now, total);
    now += 200ms;
  }
  EXPECT_NEAR(0, meter.bytes_per_second(now, total), 1);
}

}  // namespace
}  // namespace hubd::sched
