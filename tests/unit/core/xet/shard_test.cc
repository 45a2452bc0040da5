// SPDX-License-Identifier: Apache-2.0
#include "core/xet/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/xet/shard_reader.h"
#include "core/xet/shard_writer.h"
#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

using testing::HasSubstr;

constexpr std::size_t kRecord = 48;

/// Files of random runs of random xorbs.
Shard sample_shard(std::uint64_t seed, std::size_t files, std::size_t xorbs) {
  Rng rng(seed);
  Shard shard;
  bool const verified = seed % 2 == 0;
  for (std::size_t i = 0; i < xorbs; ++i) {
    ShardXorb xorb;
    auto const leaves = random_leaves(rng(), 1 + below(rng, 40));
    xorb.xorb = merkle_root(leaves);
    xorb.disk_size = static_cast<std::uint32_t>(below(rng, 1000));
    for (auto const& leaf : leaves) {
      xorb.chunks.push_back({leaf.hash, xorb.size, static_cast<std::uint32_t>(leaf.size), rng() % 5 == 0});
      xorb.size += static_cast<std::uint32_t>(leaf.size);
    }
    shard.xorbs.push_back(std::move(xorb));
  }
  for (std::size_t i = 0; i < files; ++i) {
    ShardFile file;
    file.file = random_leaves(rng(), 1).front().hash;
    file.verified = verified;
    if (rng() % 2 == 0) {
      file.sha256.emplace();
      for (auto& byte : file.sha256->bytes) byte = static_cast<std::byte>(rng() & 0xffU);
    }
    auto const segments = shard.xorbs.empty() ? 0 : below(rng, 6);
    for (std::size_t k = 0; k < segments; ++k) {
      auto const& xorb = shard.xorbs[below(rng, shard.xorbs.size())];
      ShardSegment segment;
      segment.xorb = xorb.xorb;
      segment.first = static_cast<std::uint32_t>(below(rng, xorb.chunks.size()));
      segment.end = segment.first + 1 + static_cast<std::uint32_t>(below(rng, xorb.chunks.size() - segment.first));
      std::vector<MerkleHash> hashes;
      for (auto c = segment.first; c < segment.end; ++c) {
        segment.length += xorb.chunks[c].length;
        hashes.push_back(xorb.chunks[c].hash);
      }
      if (verified) segment.verification = verification_hash(hashes);
      file.segments.push_back(segment);
    }
    shard.files.push_back(std::move(file));
  }
  std::sort(shard.files.begin(), shard.files.end(), [](auto const& a, auto const& b) { return a.file < b.file; });
  std::sort(shard.xorbs.begin(), shard.xorbs.end(), [](auto const& a, auto const& b) { return a.xorb < b.xorb; });
  return shard;
}

Buffer written(Shard const& shard, std::optional<ShardWriter::Footer> const& footer = std::nullopt) {
  auto const bytes = write_shard(shard, footer);
  EXPECT_TRUE(bytes.has_value());
  return *bytes;
}

void put_u32(Buffer& bytes, std::size_t at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8U * i) & 0xffU);
}

ShardWriter::Footer with_lookups() {
  ShardWriter::Footer footer;
  footer.lookups = true;
  footer.created = 5;
  footer.expires = ShardFooter::kNever;
  return footer;
}

TEST(Shard, IsReadAsItWasWrittenHoweverItComes) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    auto const shard = sample_shard(seed, below(rng, 12), below(rng, 5));
    auto const bytes = written(
        shard, seed % 3 == 0 ? std::nullopt : std::optional(seed % 3 == 1 ? with_lookups() : ShardWriter::Footer{}));
    for (std::size_t const limit : {1U, 50U, 5'000U}) {
      Shard found;
      ShardReader reader({}, {[&](ShardFile file) -> Result<void> {
                                found.files.push_back(std::move(file));
                                return {};
                              },
                              [&](ShardXorb xorb) -> Result<void> {
                                found.xorbs.push_back(std::move(xorb));
                                return {};
                              }});
      for (std::size_t at = 0; at < bytes.size();) {
        auto const size = std::min(bytes.size() - at, 1 + below(rng, limit));
        auto const taken = reader.update(std::span(bytes).subspan(at, size));
        ASSERT_TRUE(taken.has_value()) << taken.error().what;
        at += size;
      }
      auto const footer = reader.finish();
      ASSERT_TRUE(footer.has_value()) << footer.error().what;
      EXPECT_EQ(footer->has_value(), seed % 3 != 0);
      EXPECT_EQ(found.files, shard.files);
      EXPECT_EQ(found.xorbs, shard.xorbs);
    }
  }
}

TEST(Shard, LookupsLeadToTheirRecords) {
  auto const shard = sample_shard(2, 9, 4);
  auto const bytes = written(shard, with_lookups());
  auto const read = read_shard(bytes);
  ASSERT_TRUE(read.has_value());
  ASSERT_TRUE(read->footer.has_value());
  EXPECT_EQ(read->footer->created, 5U);
  EXPECT_EQ(read->footer->expires, ShardFooter::kNever);
  auto const lookups = read_shard_lookups(bytes, *read->footer);
  ASSERT_TRUE(lookups.has_value()) << lookups.error().what;
  EXPECT_EQ(lookups->files.size(), 9U);
  EXPECT_EQ(lookups->xorbs.size(), 4U);
  auto const hash_at = [&](Bytes at) {
    MerkleHash hash;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 32, hash.bytes.begin());
    return hash;
  };
  for (auto const& one : lookups->files) EXPECT_EQ(hash_at(kRecord + kRecord * one.record).word(0), one.word);
  for (auto const& one : lookups->chunks)
    EXPECT_EQ(hash_at(read->footer->xorbs_offset + kRecord * (one.record + 1 + one.index)).word(0), one.word);
}

TEST(Shard, HidesChunksBehindAKey) {
  auto const shard = sample_shard(3, 2, 2);
  auto footer = with_lookups();
  footer.key.fill(std::byte{7});
  auto const read = read_shard(written(shard, footer));
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->footer->keyed());
  for (std::size_t x = 0; x < shard.xorbs.size(); ++x)
    for (std::size_t c = 0; c < shard.xorbs[x].chunks.size(); ++c)
      EXPECT_EQ(read->xorbs[x].chunks[c].hash, hmac(shard.xorbs[x].chunks[c].hash, footer.key));
}

TEST(Shard, AnswersADedupQueryWithoutFiles) {
  auto const shard = sample_shard(4, 6, 3);
  auto const answer = dedup_answer(shard);
  EXPECT_TRUE(answer.files.empty());
  EXPECT_EQ(dedup_eligible_chunks(answer), dedup_eligible_chunks(shard))
      << "nothing that could be asked for is lost with the files";
}

TEST(Shard, RefusesEveryCut) {
  for (auto const& bytes : {written(sample_shard(5, 3, 2)), written(sample_shard(5, 3, 2), with_lookups())})
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(read_shard(std::span(bytes).first(size)).has_value()) << size;
}

// A client of another make sends a footer behind an upload; a server does not look at it.
TEST(Shard, IgnoresWhatStandsBehindWhenAsked) {
  auto bytes = written(sample_shard(6, 3, 2));
  bytes.insert(bytes.end(), 1000, std::byte{0xaa});
  EXPECT_TRUE(read_shard(bytes).has_value());
  bytes[40] = std::byte{123};  // the footer's size, as the header claims it
  EXPECT_FALSE(read_shard(bytes).has_value());
  ShardReader::Options server;
  server.footer = false;
  EXPECT_TRUE(read_shard(bytes, server).has_value());
}

// Claims are judged before a byte of what they claim has come.
TEST(Shard, RefusesClaimsThatCannotBe) {
  auto const bytes = written(sample_shard(8, 2, 1));
  auto const xorbs_at = [&] {
    std::size_t at = kRecord;
    while (bytes[at] != std::byte{0xff} || bytes[at + 31] != std::byte{0xff}) at += kRecord;
    return at + kRecord;
  }();
  auto const says = [&](std::size_t at, std::uint32_t value, char const* what) {
    auto changed = bytes;
    put_u32(changed, at, value);
    auto const read = read_shard(changed);
    ASSERT_FALSE(read.has_value()) << what;
    EXPECT_EQ(read.error().kind, ErrorKind::bad_upstream);
    EXPECT_THAT(read.error().what, HasSubstr(what));
    EXPECT_THAT(read.error().what, HasSubstr("byte " + std::to_string(at))) << "the error names the place";
  };
  says(0, 1, "tag");
  says(32, 3, "version 3");
  says(40, 100, "footer of 100");
  says(kRecord + 32, 0x80000001U, "flags");
  says(kRecord + 36, 0xffffffffU, "4294967295 segments");
  says(xorbs_at + 36, 0xffffffffU, "4294967295 chunks");
  says(xorbs_at + 36, 8193, "8193 chunks");
  says(xorbs_at + 40, 0xffffffffU, "4294967295 bytes");
  says(xorbs_at + kRecord + 32, 1, "begins at byte 1");
  says(xorbs_at + kRecord + 36, 0, "0 bytes");
  says(xorbs_at + kRecord + 36, 131'073, "131073 bytes");
}

TEST(Shard, KeepsToItsBudget) {
  auto const bytes = written(sample_shard(9, 5, 2));
  ShardReader::Options options;
  options.size_max = bytes.size();
  EXPECT_TRUE(read_shard(bytes, options).has_value());
  options.size_max = bytes.size() - 1;
  EXPECT_FALSE(read_shard(bytes, options).has_value());
}

TEST(Shard, RefusesFilesOfWhichSomeAreVerified) {
  auto mixed = sample_shard(10, 3, 2);
  mixed.files.push_back(sample_shard(11, 1, 1).files.front());
  EXPECT_EQ(write_shard(mixed, std::nullopt).error().kind, ErrorKind::bad_request);
}

TEST(Shard, RefusesLookupsOutsideItsBytes) {
  auto const bytes = written(sample_shard(12, 3, 2), with_lookups());
  auto footer = *read_shard(bytes)->footer;
  footer.chunk_lookup.entries = 0xffffffffffffffffU;
  EXPECT_FALSE(read_shard_lookups(bytes, footer).has_value());
  footer.chunk_lookup = {0xffffffffffffff00U, 1};
  EXPECT_FALSE(read_shard_lookups(bytes, footer).has_value());
  footer = *read_shard(bytes)->footer;
  footer.offset = bytes.size() + 1;
  EXPECT_FALSE(read_shard_lookups(bytes, footer).has_value());
}

}  // namespace
}  // namespace hubd::xet
