// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/map_format.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/random.h"
#include "core/hash/hasher.h"

namespace hubd::transfer {
namespace {

ContentId const kId = *ContentId::parse(std::string(62, '0') + "ab");
constexpr Bytes kSize = 10_MiB;

std::vector<MapRecord> some_records() {
  return {{{0, 100}, hash::blake3(as_bytes("a"))},
          {{4_MiB, 4_MiB}, hash::blake3(as_bytes("b"))},
          {{10_MiB - 1, 1}, hash::blake3(as_bytes("c"))}};
}

std::vector<std::byte> encode(std::vector<MapRecord> const& records) {
  auto const header = encode_map_header(kId, kSize);
  std::vector<std::byte> bytes(header.begin(), header.end());
  for (auto const& record : records) {
    auto const block = encode_map_record(record);
    bytes.insert(bytes.end(), block.begin(), block.end());
  }
  return bytes;
}

TEST(MapFormat, ReadsBackWhatItWrote) {
  auto const map = parse_map(encode(some_records()));
  ASSERT_TRUE(map);
  EXPECT_EQ(map->id, kId);
  EXPECT_EQ(map->size, kSize);
  EXPECT_EQ(map->records, some_records());
  EXPECT_TRUE(map->whole);
}

// Written down once: a hubd of tomorrow must read the maps of today.
TEST(MapFormat, BytesOnDiskStayTheSame) {
  auto const header = encode_map_header(*ContentId::parse("ce013625030ba8dba906f756967f9e9ca394464a"), 6);
  EXPECT_EQ(to_hex(header.data(), header.size()),
            "687562642e6d6170" "0100000000000000" "0600000000000000" "2800000000000000"
            "63653031333632353033306261386462613930366637353639363766396539636133393434363461"
            "000000000000000000000000000000000000000000000000" "00000000000000000000000000000000"
            "8e3774839f414974a74abf72c8ee4de5");
  auto const record = encode_map_record({{258, 6}, hash::blake3(as_bytes("hello\n"))});
  EXPECT_EQ(to_hex(record.data(), record.size()),
            "0201000000000000" "0600000000000000" "8e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "7ca5139f07a075efedefd87e3a33273f");
}

TEST(MapFormat, ADamagedHeaderIsNoMap) {
  auto const good = encode(some_records());
  for (std::size_t bit = 0; bit < kMapHeaderSize * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_FALSE(parse_map(bytes)) << "bit " << bit;
  }
  for (std::size_t size = 0; size < kMapHeaderSize; ++size) ASSERT_FALSE(parse_map(std::span(good).first(size)));
}

TEST(MapFormat, ADamagedRecordIsLeftOutAndTheOthersCount) {
  auto const records = some_records();
  auto const good = encode(records);
  for (auto bit = (kMapHeaderSize + kMapRecordSize) * 8; bit < (kMapHeaderSize + 2 * kMapRecordSize) * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    auto const map = parse_map(bytes);
    ASSERT_TRUE(map);
    ASSERT_FALSE(map->whole);
    ASSERT_EQ(map->records, (std::vector<MapRecord>{records[0], records[2]})) << "bit " << bit;
  }
}

TEST(MapFormat, ATornTailIsLeftOut) {
  auto const records = some_records();
  auto bytes = encode(records);
  bytes.resize(bytes.size() - 1);
  auto const map = parse_map(bytes);
  ASSERT_TRUE(map);
  EXPECT_FALSE(map->whole);
  EXPECT_EQ(map->records, (std::vector<MapRecord>{records[0], records[1]}));
}

TEST(MapFormat, RecordsThatCannotBeRightAreLeftOut) {
  auto const digest = hash::blake3(as_bytes("x"));
  std::vector<MapRecord> const wrong{
      {{kSize, 1}, digest}, {{kSize - 1, 2}, digest}, {{~Bytes{0}, 2}, digest}, {{~Bytes{0} - 5, 100}, digest}};
  auto const map = parse_map(encode(wrong));
  ASSERT_TRUE(map);
  EXPECT_TRUE(map->records.empty());
  EXPECT_FALSE(map->whole);
}

TEST(MapFormat, NoiseNeverMakesAMap) {
  auto const random = seeded_random(1);
  for (int round = 0; round < 1000; ++round) {
    std::vector<std::byte> bytes(random->next() % 600);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random->next());
    ASSERT_FALSE(parse_map(bytes));
  }
}

}  // namespace
}  // namespace hubd::transfer
