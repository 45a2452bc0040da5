// SPDX-License-Identifier: Apache-2.0
#include "core/xet/chunk_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/xet/samples.h"

namespace hubd::xet {
namespace {

Buffer head_bytes(unsigned version, std::uint32_t packed, unsigned scheme, std::uint32_t size) {
  Buffer bytes;
  auto const put = [&](std::uint32_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(value >> (8U * i) & 0xffU));
  };
  put(version, 1);
  put(packed, 3);
  put(scheme, 1);
  put(size, 3);
  return bytes;
}

TEST(ChunkRecord, ComesBackInEveryPacking) {
  for (auto const packing : {Packing::none, Packing::lz4, Packing::grouped_lz4}) {
    for (std::size_t const size : {1U, 3U, 64U, 4097U, 65'536U, 65'537U, 131'072U}) {
      for (auto const& chunk : {random_bytes(size, size), counters(size), Buffer(size, std::byte{1})}) {
        Buffer body{std::byte{9}};  // what stood there stays
        auto const head = append_chunk(chunk, packing, body);
        ASSERT_EQ(body.size(), 1 + kChunkHeadSize + head.packed_size);
        EXPECT_EQ(body.front(), std::byte{9});
        EXPECT_LE(head.packed_size, size) << "a chunk never grows";
        auto const read = parse_chunk_head(std::span(body).subspan(1, kChunkHeadSize));
        ASSERT_TRUE(read.has_value());
        Buffer out(read->size);
        ASSERT_TRUE(unpack_chunk(*read, std::span(body).subspan(1 + kChunkHeadSize), out).has_value());
        EXPECT_EQ(out, chunk);
      }
    }
  }
}

TEST(ChunkRecord, KeepsAsItIsWhatDoesNotShrink) {
  Buffer body;
  EXPECT_EQ(append_chunk(random_bytes(1, 5000), Packing::lz4, body).packing, Packing::none);
  EXPECT_EQ(append_chunk(counters(5000), Packing::grouped_lz4, body).packing, Packing::grouped_lz4);
}

TEST(ChunkRecord, RefusesHeadsThatNoWriterWrites) {
  struct Case {
    Buffer bytes;
    char const* says;
  };
  for (auto const& one : {Case{head_bytes(1, 10, 0, 10), "version 1"}, Case{head_bytes(0, 10, 3, 10), "packing 3"}, Case{head_bytes(0, 10, 99, 10), "packing 99"},
                          Case{head_bytes(0, 262'145, 1, 10), "262145"}, Case{head_bytes(0, 10, 1, 131'073), "131073"},
                          Case{head_bytes(0, 11, 0, 10), "11 bytes"}, Case{head_bytes(0, 0, 0, 0), "empty"}}) {
    auto const head = parse_chunk_head(one.bytes);
    ASSERT_FALSE(head.has_value()) << one.says;
    EXPECT_THAT(head.error().what, testing::HasSubstr(one.says));
  }
  EXPECT_TRUE(parse_chunk_head(head_bytes(0, 262'144, 1, 131'072)).has_value());
}

TEST(ChunkRecord, RefusesFramesThatAreNotTheChunk) {
  Buffer body;
  auto chunk = random_bytes(4, 100);
  chunk.resize(3000);
  auto const head = append_chunk(chunk, Packing::lz4, body);
  ASSERT_EQ(head.packing, Packing::lz4);
  Buffer const frame(body.begin() + kChunkHeadSize, body.end());
  auto const unpack = [](ChunkHead changed, Buffer const& bytes) {
    changed.packed_size = static_cast<std::uint32_t>(bytes.size());
    Buffer out(changed.size);
    return unpack_chunk(changed, bytes, out);
  };
  ASSERT_TRUE(unpack(head, frame).has_value());
  for (std::size_t size = 0; size < frame.size(); ++size) EXPECT_FALSE(unpack(head, Buffer(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size))).has_value()) << size;
  auto longer = frame;
  longer.push_back(std::byte{0});
  EXPECT_THAT(unpack(head, longer).error().what, testing::HasSubstr("behind its LZ4 frame"));
  auto twice = frame;
  twice.insert(twice.end(), frame.begin(), frame.end());
  EXPECT_FALSE(unpack(head, twice).has_value());
  auto other = head;
  other.size = head.size - 1;
  EXPECT_FALSE(unpack(other, frame).has_value());
  other.size = head.size + 1;
  EXPECT_FALSE(unpack(other, frame).has_value());
  // A frame that is skipped is legal LZ4 and no chunk.
  Buffer skipped{std::byte{0x50}, std::byte{0x2a}, std::byte{0x4d}, std::byte{0x18}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}};
  EXPECT_FALSE(unpack(head, skipped).has_value());
  // After all that the same thread still unpacks.
  EXPECT_TRUE(unpack(head, frame).has_value());
}

}  // namespace
}  // namespace hubd::xet
