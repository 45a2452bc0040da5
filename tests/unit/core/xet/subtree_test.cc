// SPDX-License-Identifier: Apache-2.0
#include "core/xet/subtree.h"

#include <gtest/gtest.h>

#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

TEST(Subtree, OfAWholeFileGivesItsRoot) {
  for (std::size_t count = 0; count < 300; ++count) {
    auto const leaves = random_leaves(count, count);
    auto const root = Subtree::build(leaves, true, true).root();
    ASSERT_TRUE(root.has_value());
    EXPECT_EQ(root->hash, merkle_root(leaves)) << count << " leaves";
  }
}

TEST(Subtree, OfAPartGivesNone) {
  auto const leaves = random_leaves(1, 100);
  EXPECT_FALSE(Subtree::build(leaves, true, false).root().has_value());
  EXPECT_FALSE(Subtree::build(leaves, false, true).root().has_value());
}

// The point of it: a file's root from any parts, none of which knows its neighbours, over the wire.
TEST(Subtree, PartsMergeToTheRoot) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    auto const leaves = random_leaves(seed, 1 + below(rng, 1500));
    std::span<HashedSize const> rest(leaves);
    std::optional<Subtree> whole;
    while (!rest.empty() || !whole) {
      auto const count = std::min(rest.size(), below(rng, 400));
      bool const last = count == rest.size();
      auto const part = Subtree::build(rest.first(count), !whole, last);
      rest = rest.subspan(count);
      auto const read = Subtree::parse(part.json());
      ASSERT_TRUE(read.has_value()) << part.json();
      ASSERT_EQ(read->json(), part.json());
      if (!whole) {
        whole = *read;
      } else {
        auto const merged = Subtree::merge(*whole, *read);
        ASSERT_TRUE(merged.has_value());
        whole = *merged;
      }
      if (last) break;
    }
    ASSERT_TRUE(whole->root().has_value());
    EXPECT_EQ(whole->root()->hash, merkle_root(leaves));
  }
}

TEST(Subtree, SummarisesALongRun) {
  auto const part = Subtree::build(random_leaves(2, 20'000), false, false);
  std::size_t nodes = 0;
  for (auto const& level : part.levels()) nodes += level.left.size() + level.right.size();
  EXPECT_LT(nodes, 600U);
}

TEST(Subtree, RefusesPartsInTheWrongOrder) {
  auto const leaves = random_leaves(3, 10);
  auto const start = Subtree::build(leaves, true, false);
  auto const end = Subtree::build(leaves, false, true);
  EXPECT_TRUE(Subtree::merge(start, end).has_value());
  EXPECT_EQ(Subtree::merge(end, start).error().kind, ErrorKind::bad_request);
}

TEST(Subtree, RefusesCountsThatLie) {
  std::string const node = R"({"hash":")" + std::string(64, '1') + R"(","size":5})";
  auto const text = [&](std::string const& levels) {
    return R"({"nodes":[)" + node + R"(],"levels":)" + levels + R"(,"at_start":true,"at_end":false})";
  };
  EXPECT_TRUE(Subtree::parse(text("[[1,0]]")).has_value());
  for (auto const* levels : {"[]", "[[0,0]]", "[[2,0]]", "[[1,1]]", "[[-1,2]]",
                             "[[9223372036854775807,9223372036854775807]]", "[[1]]", "[1]", "{}", "[[1.5,0]]"}) {
    auto const read = Subtree::parse(text(levels));
    ASSERT_FALSE(read.has_value()) << levels;
    EXPECT_NE(read.error().what.find("levels"), std::string::npos) << read.error().what;
  }
}

}  // namespace
}  // namespace hubd::xet
