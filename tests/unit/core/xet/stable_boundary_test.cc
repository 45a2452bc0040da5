// SPDX-License-Identifier: Apache-2.0
#include "core/xet/stable_boundary.h"

#include <gtest/gtest.h>

#include "core/xet/file_hasher.h"
#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

std::vector<Bytes> cuts(Buffer const& bytes) {
  std::vector<Bytes> all{0};
  FileHasher hasher;
  auto const add = [&all](HashedSize const& chunk) { all.push_back(all.back() + chunk.size); };
  hasher.update(bytes, add);
  hasher.finish(add);
  return all;
}

TEST(StableBoundary, IsCutAgainWhateverChangedBefore) {
  auto const bytes = random_bytes(1, 6'000'000);
  auto const before = cuts(bytes);
  Rng rng(1);
  for (int round = 0; round < 25; ++round) {
    auto const position = below(rng, 5'000'000);
    auto const boundary = next_stable_boundary(before, position);
    ASSERT_TRUE(boundary.has_value());
    ASSERT_GE(*boundary, position);
    auto edited = bytes;
    for (std::size_t i = position - std::min<std::size_t>(position, 3000); i < position; ++i)
      edited[i] = static_cast<std::byte>(rng() & 0xffU);
    auto const after = cuts(edited);
    EXPECT_TRUE(std::binary_search(after.begin(), after.end(), *boundary)) << position;
  }
}

TEST(StableBoundary, NeedsTwoChunksClearOfBothLimits) {
  EXPECT_FALSE(is_stable_length(16'383));
  EXPECT_TRUE(is_stable_length(16'384));
  EXPECT_TRUE(is_stable_length(122'879));
  EXPECT_FALSE(is_stable_length(122'880));
  EXPECT_EQ(next_stable_boundary(std::vector<Bytes>{0, 16'383, 40'000, 60'000}, 0), 60'000U);
}

TEST(StableBoundary, IsNothingNearTheEnd) {
  EXPECT_EQ(next_stable_boundary({}, 0), std::nullopt);
  EXPECT_EQ(next_stable_boundary(std::vector<Bytes>{0, 20'000}, 0), std::nullopt);
  EXPECT_EQ(next_stable_boundary(std::vector<Bytes>{0, 20'000, 40'000}, 0), 40'000U);
  EXPECT_EQ(next_stable_boundary(std::vector<Bytes>{0, 20'000, 40'000}, 50'000), std::nullopt);
}

}  // namespace
}  // namespace hubd::xet
