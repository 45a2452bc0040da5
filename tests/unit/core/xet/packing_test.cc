// SPDX-License-Identifier: Apache-2.0
#include "core/xet/packing.h"

#include <gtest/gtest.h>

#include "core/xet/byte_groups.h"
#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

TEST(ByteGroups, ComeBackAtEveryLength) {
  for (std::size_t size = 0; size < 70; ++size) {
    auto const bytes = random_bytes(size, size);
    Buffer grouped(size);
    Buffer back(size);
    group_bytes(bytes, grouped);
    ungroup_bytes(grouped, back);
    EXPECT_EQ(back, bytes) << size;
  }
}

TEST(PackingChooser, GroupsNumbersAndNotText) {
  PackingChooser chooser(PackingPolicy::automatic);
  EXPECT_EQ(chooser.choose(counters(65'536)), Packing::grouped_lz4);
  chooser.begin_section();
  EXPECT_EQ(chooser.choose(random_bytes(1, 65'536)), Packing::lz4);
}

TEST(PackingChooser, LooksAgainAtEachThirtySecondChunk) {
  PackingChooser chooser(PackingPolicy::automatic);
  auto const numbers = counters(65'536);
  auto const noise = random_bytes(2, 65'536);
  EXPECT_EQ(chooser.choose(numbers), Packing::grouped_lz4);
  for (int i = 1; i < 32; ++i) ASSERT_EQ(chooser.choose(noise), Packing::grouped_lz4) << i;
  EXPECT_EQ(chooser.choose(noise), Packing::lz4);
}

TEST(PackingChooser, DoesAsItIsTold) {
  auto const numbers = counters(4096);
  EXPECT_EQ(PackingChooser(PackingPolicy::none).choose(numbers), Packing::none);
  EXPECT_EQ(PackingChooser(PackingPolicy::lz4).choose(numbers), Packing::lz4);
  EXPECT_EQ(PackingChooser(PackingPolicy::grouped_lz4).choose(Buffer(9)), Packing::grouped_lz4);
}

}  // namespace
}  // namespace hubd::xet
