// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_unpacker.h"

#include <gtest/gtest.h>

#include "core/xet/hashes.h"
#include "tests/support/sim_file_system.h"

namespace hubd::transfer {
namespace {

constexpr auto kEtag = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
constexpr Bytes kSize = 2000;

std::string record(std::string const& chunk) {
  std::string bytes{0, static_cast<char>(chunk.size() & 255U), static_cast<char>(chunk.size() >> 8U), 0, 0};
  bytes += {static_cast<char>(chunk.size() & 255U), static_cast<char>(chunk.size() >> 8U), 0};
  return bytes + chunk;
}

class XetUnpackerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Partial::open(files_, "/p", *ContentId::parse(kEtag), kSize, nullptr);
    ASSERT_TRUE(opened);
    partial_ = std::move(*opened);
    // Chunks 4 to 9 of a xorb, of 100 to 105 bytes; the file wants 5 to 8, then 6 and 7 once more.
    for (std::uint32_t i = 4; i < 10; ++i) {
      chunks_[i] = std::string(96 + i, static_cast<char>('a' + i));
      body_ += record(chunks_[i]);
    }
    fetch_.first = 4;
    fetch_.end = 10;
    fetch_.bytes = {5000, body_.size()};
    auto const length = [&](std::uint32_t first, std::uint32_t end) {
      Bytes sum = 0;
      for (auto i = first; i < end; ++i) sum += chunks_[i].size();
      return sum;
    };
    fetch_.terms = {{{}, 5, 9, {200, length(5, 9)}}, {{}, 6, 8, {800, length(6, 8)}}};
  }
  std::string content() { return files_.content(std::string("/p/") + kEtag + ".partial"); }
  std::string chunks(std::uint32_t first, std::uint32_t end) {
    std::string text;
    for (auto i = first; i < end; ++i) text += chunks_[i];
    return text;
  }
  void expect_all_placed() {
    EXPECT_EQ(content().substr(200, chunks(5, 9).size()), chunks(5, 9));
    EXPECT_EQ(content().substr(800, chunks(6, 8).size()), chunks(6, 8));
    EXPECT_EQ(fetch_.first, 10U);
    EXPECT_TRUE(fetch_.terms.empty());
    EXPECT_EQ(fetch_.bytes, (Extent{5000 + body_.size(), 0}));
  }

  support::SimFileSystem files_;
  std::unique_ptr<Partial> partial_;
  std::map<std::uint32_t, std::string> chunks_;
  std::string body_;
  XetFetch fetch_;
};

TEST_F(XetUnpackerTest, ChunksGoWhereverTheFileWantsThem) {
  XetUnpacker unpacker(*partial_, fetch_);
  XetUnpacker::Done done;
  auto const taken = unpacker.take(as_bytes(body_), done);
  ASSERT_TRUE(taken) << taken.error().what;
  EXPECT_EQ(done.used, body_.size());
  ASSERT_EQ(done.placed.size(), 6U);
  EXPECT_EQ(done.placed[0].offset, 200U);
  EXPECT_EQ(done.placed[0].hash, xet::chunk_hash(as_bytes(chunks_[5])));
  expect_all_placed();
}

TEST_F(XetUnpackerTest, AnyCutOfTheBytesGivesTheSame) {
  for (std::size_t const step : {1U, 7U, 108U, 109U, 300U}) {
    body_.clear();
    SetUp();
    XetUnpacker unpacker(*partial_, fetch_);
    std::string held;
    for (std::size_t at = 0; at < body_.size(); at += step) {
      held += body_.substr(at, step);
      XetUnpacker::Done done;
      ASSERT_TRUE(unpacker.take(as_bytes(held), done));
      held.erase(0, done.used);
    }
    EXPECT_EQ(held, "");
    expect_all_placed();
  }
}

TEST_F(XetUnpackerTest, WhatIsLeftOfABrokenFetchIsExact) {
  XetUnpacker unpacker(*partial_, fetch_);
  XetUnpacker::Done done;
  ASSERT_TRUE(unpacker.take(as_bytes(body_).first(108 + 109 + 110 + 50), done));
  EXPECT_EQ(done.used, 108U + 109U + 110U);
  EXPECT_EQ(fetch_.first, 7U);
  EXPECT_EQ(fetch_.bytes.offset, 5000U + 327U);
  ASSERT_EQ(fetch_.terms.size(), 2U);
  EXPECT_EQ(fetch_.terms[0].first, 7U);
  EXPECT_EQ(fetch_.terms[0].extent.offset, 200U + 101 + 102);
  EXPECT_EQ(fetch_.terms[1].extent.offset, 800U + 102);
  XetUnpacker next(*partial_, fetch_);
  XetUnpacker::Done rest;
  ASSERT_TRUE(next.take(as_bytes(body_).subspan(327), rest));
  EXPECT_EQ(content().substr(200, chunks(5, 9).size()), chunks(5, 9));
}

TEST_F(XetUnpackerTest, DamagedRecordsStopThereAndKeepWhatWasGood) {
  body_[108 + 4] = 7;  // the packing of the second record
  XetUnpacker unpacker(*partial_, fetch_);
  XetUnpacker::Done done;
  auto const taken = unpacker.take(as_bytes(body_), done);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::bad_upstream);
  EXPECT_NE(taken.error().what.find("chunk 5"), std::string::npos) << taken.error().what;
}

TEST_F(XetUnpackerTest, ChunksThatDoNotAddUpToTheirTermAreRefused) {
  for (Bytes const length : {Bytes{1}, fetch_.terms[0].extent.length - 1, fetch_.terms[0].extent.length + 1}) {
    auto fetch = fetch_;
    fetch.terms[0].extent.length = length;
    XetUnpacker unpacker(*partial_, fetch);
    XetUnpacker::Done done;
    auto const taken = unpacker.take(as_bytes(body_), done);
    ASSERT_FALSE(taken) << length;
    EXPECT_EQ(taken.error().kind, ErrorKind::bad_upstream);
  }
}

}  // namespace
}  // namespace hubd::transfer
