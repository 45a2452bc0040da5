// SPDX-License-Identifier: Apache-2.0
#include "core/xet/chunker.h"

#include <gtest/gtest.h>

#include <array>

#include "core/xet/file_hasher.h"
#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

constexpr std::array<std::uint64_t, 256> kGear{
#include "core/xet/gear_table.inc"
};

/// The rule as it is written down: the window is summed anew at every place.
std::size_t pure_cut(std::span<std::byte const> rest) {
  for (std::size_t length = kChunkSizeMin; length <= std::min<std::size_t>(rest.size(), kChunkSizeMax); ++length) {
    std::uint64_t sum = 0;
    for (std::size_t k = 0; k < 64; ++k) sum += kGear[std::to_integer<std::size_t>(rest[length - 1 - k])] << k;
    if (sum >> 48U == 0) return length;
  }
  return std::min<std::size_t>(rest.size(), kChunkSizeMax);
}

std::vector<std::size_t> cuts(std::span<std::byte const> bytes, Rng* rng = nullptr, std::size_t piece_max = 1) {
  Chunker chunker;
  std::vector<std::size_t> lengths;
  std::size_t open = 0;
  while (!bytes.empty()) {
    auto piece = bytes.first(rng == nullptr ? bytes.size() : std::min(bytes.size(), below(*rng, piece_max + 1)));
    bytes = bytes.subspan(piece.size());
    while (!piece.empty()) {
      auto const step = chunker.next(piece);
      open += step.taken;
      piece = piece.subspan(step.taken);
      if (step.cut) lengths.push_back(std::exchange(open, 0));
      EXPECT_EQ(chunker.open(), open);
    }
  }
  if (open != 0) lengths.push_back(open);
  return lengths;
}

TEST(Chunker, CutsWhereTheRuleSays) {
  auto const bytes = random_bytes(1, 600'000);
  std::size_t at = 0;
  for (auto const length : cuts(bytes)) {
    ASSERT_EQ(length, pure_cut(std::span(bytes).subspan(at))) << "at byte " << at;
    at += length;
  }
  EXPECT_EQ(at, bytes.size());
}

TEST(Chunker, CutsAlikeHoweverItIsFed) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    // Runs of one byte, counters and noise, so that forced and small cuts are among them.
    Buffer bytes;
    while (bytes.size() < 900'000) {
      auto const size = 1 + below(rng, 200'000);
      auto const more = rng() % 3 == 0   ? Buffer(size, static_cast<std::byte>(rng() & 0xffU))
                        : rng() % 2 == 0 ? counters(size)
                                         : random_bytes(rng(), size);
      bytes.insert(bytes.end(), more.begin(), more.end());
    }
    auto const whole = cuts(bytes);
    for (std::size_t const piece : {1U, 63U, 64U, 65U, 8127U, 8192U, 131072U, 300000U}) {
      if (piece == 1 && seed > 3) continue;  // slow
      ASSERT_EQ(cuts(bytes, &rng, piece), whole) << "pieces of up to " << piece;
    }
  }
}

TEST(Chunker, KeepsToItsLimits) {
  EXPECT_TRUE(cuts({}).empty());
  EXPECT_EQ(cuts(Buffer(1)), std::vector<std::size_t>{1});
  EXPECT_EQ(cuts(Buffer(kChunkSizeMax)), std::vector<std::size_t>{kChunkSizeMax});  // and no empty chunk behind it
  EXPECT_EQ(cuts(Buffer(kChunkSizeMax + 1)), (std::vector<std::size_t>{kChunkSizeMax, 1}));
  auto const lengths = cuts(random_bytes(2, 8'000'000));
  for (std::size_t i = 0; i + 1 < lengths.size(); ++i) {
    EXPECT_GE(lengths[i], kChunkSizeMin);
    EXPECT_LE(lengths[i], kChunkSizeMax);
  }
}

// The first place that may be a cut already sees all 64 bytes before it.
TEST(Chunker, SeesItsWholeWindowAtTheMinimum) {
  Rng rng(6);
  for (int found = 0; found < 6;) {
    Buffer bytes(20'000);
    std::uint64_t state = 0;
    for (std::size_t i = kChunkSizeMin - 64; i < kChunkSizeMin; ++i) {
      bytes[i] = static_cast<std::byte>(rng() & 0xffU);
      state = (state << 1U) + kGear[std::to_integer<std::size_t>(bytes[i])];
    }
    if (state >> 48U != 0) continue;
    ++found;
    ASSERT_EQ(cuts(bytes).front(), kChunkSizeMin);
    bytes[kChunkSizeMin - 64] = bytes[kChunkSizeMin - 64] == std::byte{0} ? std::byte{1} : std::byte{0};
    ASSERT_EQ(cuts(bytes).front(), pure_cut(bytes));
  }
}

TEST(Chunker, BeginsAnewAfterReset) {
  auto const bytes = random_bytes(3, 300'000);
  Chunker chunker;
  (void)chunker.next(std::span(bytes).first(5'000));
  chunker.reset();
  EXPECT_EQ(chunker.open(), 0U);
  EXPECT_EQ(chunker.next(bytes).taken, cuts(bytes).front());
}

TEST(Chunker, CutsAgainTheSameBehindAnEdit) {
  auto const bytes = random_bytes(4, 4'000'000);
  auto edited = bytes;
  edited.insert(edited.begin() + 1'000'000, std::byte{1});
  std::vector<std::size_t> ends;
  std::size_t at = 0;
  for (auto const length : cuts(bytes)) ends.push_back(bytes.size() - (at += length));
  std::size_t same = 0;
  at = 0;
  for (auto const length : cuts(edited))
    same += std::count(ends.begin(), ends.end(), edited.size() - (at += length)) != 0 ? 1 : 0;
  EXPECT_GT(same, ends.size() / 2);
}

TEST(FileHasher, KnowsTheFileAndItsChunks) {
  auto const bytes = random_bytes(5, 700'001);
  std::vector<HashedSize> expected;
  std::size_t at = 0;
  for (auto const length : cuts(bytes)) {
    expected.push_back({chunk_hash(std::span(bytes).subspan(at, length)), length});
    at += length;
  }
  std::vector<HashedSize> chunks;
  FileHasher hasher;
  auto const keep = [&chunks](HashedSize const& chunk) { chunks.push_back(chunk); };
  for (at = 0; at < bytes.size(); at += 10'007)
    hasher.update(std::span(bytes).subspan(at, std::min<std::size_t>(10'007, bytes.size() - at)), keep);
  auto const total = hasher.finish(keep);
  EXPECT_EQ(chunks, expected);
  EXPECT_EQ(total.file, file_hash(expected));
  EXPECT_EQ(total.size, bytes.size());
  EXPECT_EQ(total.chunks, expected.size());
}

TEST(FileHasher, NamesAnEmptyFileByZeros) {
  FileHasher hasher;
  auto const total = hasher.finish([](HashedSize const&) { FAIL() << "an empty file has no chunks"; });
  EXPECT_TRUE(total.file.is_zero());
  EXPECT_EQ(total.chunks, 0U);
}

}  // namespace
}  // namespace hubd::xet
