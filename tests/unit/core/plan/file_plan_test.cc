// SPDX-License-Identifier: Apache-2.0
#include "core/plan/file_plan.h"

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace hubd::plan {
namespace {

using Steps = std::vector<Step>;

TEST(FilePlan, PublishedContentMovesNoByte) {
  EXPECT_EQ((Steps{{{0, 100}, Holder::blob}}), plan_file({100, true, {}}, 10));
}

TEST(FilePlan, AnEmptyFileHasNoSteps) { EXPECT_EQ(Steps{}, plan_file({0, false, {}}, 10)); }

TEST(FilePlan, NetworkFillsTheGapsInRanges) {
  EXPECT_EQ((Steps{{{0, 10}, Holder::network},
                   {{10, 5}, Holder::network},
                   {{15, 20}, Holder::partial},
                   {{35, 10}, Holder::network},
                   {{45, 5}, Holder::network}}),
            plan_file({50, false, {{15, 20}}}, 10));
}

TEST(FilePlan, ClaimsBeyondTheFileAreCut) {
  EXPECT_EQ((Steps{{{0, 10}, Holder::network}, {{10, 10}, Holder::partial}}), plan_file({20, false, {{10, 100}, {200, 5}}}, 64));
}

TEST(FilePlan, CoversEveryByteOnceWhateverIsPresent) {
  auto const random = seeded_random(5);
  for (int round = 0; round < 500; ++round) {
    Bytes const size = 1 + random->next() % 1000;
    Bytes const range = 1 + random->next() % 100;
    std::vector<Extent> present;
    for (Bytes at = random->next() % 50; at < size;) {
      Bytes const length = 1 + random->next() % 60;
      present.push_back({at, length});
      at += length + random->next() % 80;
    }
    Bytes next = 0;
    for (auto const& step : plan_file({size, false, present}, range)) {
      ASSERT_EQ(next, step.extent.offset);
      ASSERT_GT(step.extent.length, 0U);
      if (step.holder == Holder::network) {
        ASSERT_LE(step.extent.length, range);
      }
      next = step.extent.end();
    }
    ASSERT_EQ(size, next);
  }
}

TEST(FilePlan, GapsAreTheNetworksPart) {
  EXPECT_EQ((std::vector<Extent>{{0, 10}, {10, 5}, {35, 10}, {45, 5}}), gaps(50, {{15, 20}}, 10));
  EXPECT_TRUE(gaps(50, {{0, 50}}, 10).empty());
}

}  // namespace
}  // namespace hubd::plan
