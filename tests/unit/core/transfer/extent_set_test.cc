// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/extent_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"

namespace hubd::transfer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ExtentSet, MergesWhatTouches) {
  ExtentSet set;
  set.add({10, 5});
  set.add({20, 5});
  set.add({30, 5});
  EXPECT_THAT(set.extents(), ElementsAre(Extent{10, 5}, Extent{20, 5}, Extent{30, 5}));
  set.add({15, 5});
  EXPECT_THAT(set.extents(), ElementsAre(Extent{10, 15}, Extent{30, 5}));
  set.add({0, 100});
  EXPECT_THAT(set.extents(), ElementsAre(Extent{0, 100}));
  EXPECT_EQ(set.total(), 100U);
}

TEST(ExtentSet, SubtractingSplits) {
  ExtentSet set;
  set.add({0, 100});
  set.subtract({40, 20});
  EXPECT_THAT(set.extents(), ElementsAre(Extent{0, 40}, Extent{60, 40}));
  set.subtract({30, 40});
  EXPECT_THAT(set.extents(), ElementsAre(Extent{0, 30}, Extent{70, 30}));
  set.subtract({0, 100});
  EXPECT_THAT(set.extents(), IsEmpty());
}

TEST(ExtentSet, GapsCoverWhatLacksInPieces) {
  ExtentSet set;
  set.add({10, 5});
  set.add({40, 60});
  EXPECT_THAT(set.gaps(50, 12), ElementsAre(Extent{0, 10}, Extent{15, 12}, Extent{27, 12}, Extent{39, 1}));
  EXPECT_THAT(ExtentSet().gaps(0, 12), IsEmpty());
  EXPECT_THAT(ExtentSet().gaps(3, 12), ElementsAre(Extent{0, 3}));
}

TEST(ExtentSet, NothingIsEverywhereAndChangesNothing) {
  ExtentSet set;
  set.add({5, 0});
  EXPECT_THAT(set.extents(), IsEmpty());
  EXPECT_TRUE(set.contains({5, 0}));
  EXPECT_FALSE(set.contains({5, 1}));
}

TEST(ExtentSet, AgreesWithAListOfBytes) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    auto const random = seeded_random(seed);
    std::vector<bool> bytes(64, false);
    ExtentSet set;
    for (int step = 0; step < 60; ++step) {
      Bytes const offset = random->next() % 64;
      Extent const extent{offset, random->next() % (65 - offset)};
      bool const adding = random->next() % 3 != 0;
      for (auto at = extent.offset; at < extent.end(); ++at) bytes[at] = adding;
      if (adding)
        set.add(extent);
      else
        set.subtract(extent);
      Bytes count = 0;
      Bytes gap = 0;
      for (Bytes at = 0; at < bytes.size(); ++at) {
        ASSERT_EQ(set.contains({at, 1}), bytes[at]) << at;
        count += bytes[at] ? 1 : 0;
      }
      ASSERT_EQ(set.total(), count);
      for (auto const& missing : set.gaps(64, 5)) {
        ASSERT_LE(missing.length, 5U);
        gap += missing.length;
      }
      ASSERT_EQ(gap, 64 - count);
      auto const& extents = set.extents();
      for (std::size_t i = 1; i < extents.size(); ++i) ASSERT_LT(extents[i - 1].end(), extents[i].offset) << "merged";
    }
  }
}

TEST(ExtentSet, LackingIsWhatIsNotThereOfAnExtent) {
  ExtentSet set;
  set.add({10, 10});
  set.add({30, 10});
  EXPECT_EQ(set.lacking({0, 50}), (std::vector<Extent>{{0, 10}, {20, 10}, {40, 10}}));
  EXPECT_EQ(set.lacking({12, 3}), std::vector<Extent>{});
  EXPECT_EQ(set.lacking({15, 20}), (std::vector<Extent>{{20, 10}}));
  EXPECT_EQ(set.lacking({25, 2}), (std::vector<Extent>{{25, 2}}));
  EXPECT_EQ(set.lacking({5, 0}), std::vector<Extent>{});
  EXPECT_EQ(ExtentSet().lacking({3, 4}), (std::vector<Extent>{{3, 4}}));
}

}  // namespace
}  // namespace hubd::transfer
