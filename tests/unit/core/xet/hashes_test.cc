// SPDX-License-Identifier: Apache-2.0
#include "core/xet/hashes.h"

#include <gtest/gtest.h>

#include "core/xet/merkle_tree.h"
#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

// The example of the protocol: raw bytes 0 to 31.
TEST(MerkleHash, WritesItsNumbersNotItsBytes) {
  MerkleHash hash;
  for (std::size_t i = 0; i < 32; ++i) hash.bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(hash.text(), "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918");
  EXPECT_EQ(MerkleHash::parse(hash.text()), hash);
  EXPECT_EQ(hash.modulo(1024), 0x1f1e1d1c1b1a1918U % 1024);
  EXPECT_EQ(hash.base64(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
}

TEST(MerkleHash, ParsesBothCasesAndNothingElse) {
  std::string const text(64, 'a');
  EXPECT_EQ(MerkleHash::parse(std::string(64, 'A')), MerkleHash::parse(text));
  for (auto const& wrong : {std::string(), text.substr(1), text + "a", text.substr(1) + "g", text.substr(1) + " "})
    EXPECT_FALSE(MerkleHash::parse(wrong).has_value()) << wrong;
}

TEST(MerkleHash, IsOrderedAsItsText) {
  auto const leaves = random_leaves(1, 60);
  for (auto const& a : leaves)
    for (auto const& b : leaves) EXPECT_EQ(a.hash < b.hash, a.hash.text() < b.hash.text());
}

TEST(MerkleTree, GivesTheRootLeafByLeaf) {
  for (std::size_t count = 0; count < 700; count += count < 120 ? 1 : 37) {
    auto leaves = random_leaves(count, count);
    // Also trees whose groups are all as small or as large as can be.
    if (count % 3 != 0)
      for (auto& leaf : leaves) leaf.hash.bytes[24] = count % 3 == 1 ? std::byte{0} : std::byte{1};
    MerkleTree tree;
    Bytes size = 0;
    for (auto const& leaf : leaves) {
      tree.add(leaf);
      size += leaf.size;
    }
    auto const root = tree.finish();
    EXPECT_EQ(root.hash, merkle_root(leaves)) << count << " leaves";
    EXPECT_EQ(root.size, count == 0 ? 0 : size);
  }
}

TEST(MerkleTree, GroupsThreeToNineChildren) {
  auto leaves = random_leaves(7, 10);
  auto const parent = [&](std::size_t from, std::size_t to) { return merkle_parent(std::span(leaves).subspan(from, to - from)); };
  auto const all = [&](std::byte low) {
    for (auto& leaf : leaves) leaf.hash.bytes[24] = low;
  };
  all(std::byte{4});  // each may end a group
  std::vector<HashedSize> tops{parent(0, 3), parent(3, 6), parent(6, 9), parent(9, 10)};
  EXPECT_EQ(merkle_root(leaves), merkle_root(tops));
  all(std::byte{5});  // none may
  tops = {parent(0, 9), parent(9, 10)};
  EXPECT_EQ(merkle_root(leaves), merkle_parent(tops).hash);
  leaves.resize(2);
  EXPECT_EQ(merkle_root(leaves), parent(0, 2).hash);
}

TEST(MerkleTree, TellsOneChunkFromItsFile) {
  auto const leaves = random_leaves(2, 1);
  EXPECT_EQ(merkle_root(leaves), leaves[0].hash);
  EXPECT_NE(file_hash(leaves), leaves[0].hash);
  EXPECT_TRUE(file_hash({}).is_zero());
}

TEST(ChunkHasher, TakesPiecesAndBeginsAnew) {
  auto const bytes = random_bytes(3, 50'000);
  ChunkHasher hasher;
  for (int round = 0; round < 2; ++round) {
    hasher.update(std::span(bytes).first(1));
    hasher.update(std::span(bytes).subspan(1));
    EXPECT_EQ(hasher.finish(), chunk_hash(bytes));
  }
}

}  // namespace
}  // namespace hubd::xet
