// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/xet/xorb_reader.h"
#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

using Use = XorbReader::FooterUse;
using testing::HasSubstr;

Buffer stored(XorbWriter::Xorb const& xorb, XorbFooterVersion version = XorbFooterVersion::v1) {
  auto bytes = xorb.body;
  auto const footer = xorb_footer(xorb.index, version);
  bytes.insert(bytes.end(), footer.begin(), footer.end());
  return bytes;
}

Result<XorbIndex> read(std::span<std::byte const> bytes, Use use, std::function<std::size_t()> const& piece = nullptr) {
  XorbReader reader(use, nullptr);
  while (!bytes.empty()) {
    auto const size = std::min(bytes.size(), piece ? piece() : bytes.size());
    auto const taken = reader.update(bytes.first(size));
    if (!taken) return taken.error();
    bytes = bytes.subspan(size);
  }
  return reader.finish();
}

TEST(Xorb, IsReadAsItWasWrittenHoweverItComes) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    auto const policy = static_cast<PackingPolicy>(seed % 4);
    auto const xorb = sample_xorb(seed, below(rng, 60), policy);
    for (auto const version : {XorbFooterVersion::v0, XorbFooterVersion::v1}) {
      auto const bytes = stored(xorb, version);
      for (std::size_t const limit : {7U, 500U, 100'000U}) {
        auto const index = read(bytes, Use::need, [&] { return 1 + below(rng, limit); });
        ASSERT_TRUE(index.has_value()) << index.error().what;
        EXPECT_EQ(*index, xorb.index);
      }
      EXPECT_TRUE(check_stored_xorb(bytes, xorb.index.xorb).has_value());
    }
    auto const index = read(xorb.body, Use::refuse, [&] { return 1 + below(rng, 3000); });
    ASSERT_TRUE(index.has_value());
    EXPECT_EQ(*index, xorb.index);
  }
}

TEST(Xorb, GivesTheBytesOfEachChunk) {
  auto const chunk = counters(70'000);
  XorbWriter writer(PackingPolicy::automatic);
  writer.add(chunk, chunk_hash(chunk));
  auto const xorb = writer.finish();
  EXPECT_EQ(xorb.index.xorb, chunk_hash(chunk)) << "a xorb of one chunk has its hash";
  EXPECT_EQ(writer.chunks(), 0U);
  int seen = 0;
  XorbReader reader(Use::refuse, [&](XorbReader::Chunk const& one) -> Result<void> {
    ++seen;
    EXPECT_EQ(Buffer(one.bytes.begin(), one.bytes.end()), chunk);
    EXPECT_EQ(one.head.packing, Packing::grouped_lz4);
    return {};
  });
  ASSERT_TRUE(reader.update(xorb.body).has_value());
  ASSERT_TRUE(reader.finish().has_value());
  EXPECT_EQ(seen, 1);
}

TEST(Xorb, StopsWithTheErrorOfItsSink) {
  auto const xorb = sample_xorb(1, 5, PackingPolicy::none);
  XorbReader reader(Use::refuse,
                    [](XorbReader::Chunk const&) -> Result<void> { return fail(ErrorKind::disk_full, "no room"); });
  EXPECT_EQ(reader.update(xorb.body).error().kind, ErrorKind::disk_full);
}

// The checks that a server, a fetched range and a stored file need, in one table.
TEST(Xorb, TakesAFooterOnlyWhereOneMayStand) {
  auto const xorb = sample_xorb(2, 4, PackingPolicy::lz4);
  auto const with = stored(xorb);
  EXPECT_TRUE(read(with, Use::ignore).has_value());
  EXPECT_TRUE(read(xorb.body, Use::ignore).has_value());
  EXPECT_TRUE(read(with, Use::check).has_value());
  EXPECT_TRUE(read(xorb.body, Use::check).has_value());
  EXPECT_THAT(read(xorb.body, Use::need).error().what, HasSubstr("no footer"));
  EXPECT_THAT(read(with, Use::refuse).error().what, HasSubstr("a footer stands there"));
  auto rubbish = with;
  rubbish.insert(rubbish.end(), 400'000, std::byte{1});
  EXPECT_TRUE(read(rubbish, Use::ignore).has_value());
  EXPECT_FALSE(read(rubbish, Use::check).has_value());
}

TEST(Xorb, RefusesEveryCut) {
  auto const xorb = sample_xorb(3, 3, PackingPolicy::lz4);
  auto const bytes = stored(xorb);
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 50)
    EXPECT_FALSE(read(std::span(bytes).first(size), Use::need).has_value()) << size;
}

TEST(Xorb, FindsEveryFlippedBitOfAStoredXorb) {
  auto const xorb = sample_xorb(4, 3, PackingPolicy::automatic);
  auto const bytes = stored(xorb);
  std::size_t const footer = xorb.body.size();
  std::size_t const reserved = bytes.size() - kXorbFooterTail - 16;  // of no meaning, and not ours to judge
  for (std::size_t at = 0; at < bytes.size(); at += at < footer ? 97 : 1) {
    if (at >= reserved && at < reserved + 16) continue;
    auto changed = bytes;
    changed[at] ^= std::byte{4};
    EXPECT_FALSE(check_stored_xorb(changed, xorb.index.xorb).has_value()) << "byte " << at << " of " << bytes.size();
  }
}

TEST(Xorb, TellsAnotherXorbByItsId) {
  auto const one = sample_xorb(5, 3, PackingPolicy::lz4);
  auto const other = sample_xorb(6, 3, PackingPolicy::lz4);
  auto const checked = check_stored_xorb(stored(one), other.index.xorb);
  EXPECT_EQ(checked.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(checked.error().what, HasSubstr(other.index.xorb.text()));
}

TEST(Xorb, NamesTheChunkAndTheByteThatIsWrong) {
  auto const xorb = sample_xorb(7, 3, PackingPolicy::none);
  auto changed = xorb.body;
  auto const at = xorb.index.chunks[0].record_end;
  changed[at + 4] = std::byte{9};  // the second chunk's packing
  auto const what = read(changed, Use::refuse).error().what;
  EXPECT_THAT(what, HasSubstr("chunk 1"));
  EXPECT_THAT(what, HasSubstr("byte " + std::to_string(at)));
  EXPECT_THAT(what, HasSubstr("packing 9"));
}

TEST(Xorb, IsFullBeforeItIsTooLarge) {
  XorbWriter writer(PackingPolicy::none);
  auto const chunk = random_bytes(8, kChunkSizeMax);
  auto const hash = chunk_hash(chunk);
  while (writer.fits(chunk.size())) writer.add(chunk, hash);
  EXPECT_EQ(writer.chunks(), 511U) << "with their heads 512 such chunks are more than 64 MiB";
  EXPECT_LE(writer.finish().body.size(), 64_MiB);
  XorbWriter small(PackingPolicy::none);
  Buffer const byte(1);
  while (small.fits(1)) small.add(byte, hash);
  EXPECT_EQ(small.chunks(), kXorbChunksMax);
}

TEST(XorbFooter, IsFoundFromTheEnd) {
  auto const xorb = sample_xorb(9, 10, PackingPolicy::lz4);
  for (auto const version : {XorbFooterVersion::v0, XorbFooterVersion::v1}) {
    auto const bytes = stored(xorb, version);
    auto const place = find_xorb_footer(std::span(bytes).last<kXorbFooterTail>(), bytes.size());
    ASSERT_TRUE(place.has_value());
    EXPECT_EQ(place->offset, xorb.body.size());
    auto const footer = parse_xorb_footer(std::span(bytes).subspan(place->offset, place->length), place->offset);
    ASSERT_TRUE(footer.has_value()) << footer.error().what;
    EXPECT_EQ(footer->version, version);
    EXPECT_EQ(footer->index.xorb, xorb.index.xorb);
    EXPECT_EQ(footer->index.records(2, 5), xorb.index.records(2, 5));
  }
}

TEST(XorbFooter, RefusesAClaimOfMoreThanItHolds) {
  auto const xorb = sample_xorb(10, 2, PackingPolicy::lz4);
  for (auto const version : {XorbFooterVersion::v0, XorbFooterVersion::v1}) {
    auto footer = xorb_footer(xorb.index, version);
    footer.resize(footer.size() - kXorbFooterTail);
    auto const count_at = version == XorbFooterVersion::v0 ? 40U : 48U;
    for (unsigned i = 0; i < 4; ++i) footer[count_at + i] = std::byte{0xff};
    EXPECT_THAT(parse_xorb_footer(footer, xorb.body.size()).error().what, HasSubstr("4294967295 chunks"));
  }
}

}  // namespace
}  // namespace hubd::xet
