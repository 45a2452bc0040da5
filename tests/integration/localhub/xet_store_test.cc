// SPDX-License-Identifier: Apache-2.0
// What the local CAS takes and what it refuses: every rule of a xorb and a shard, broken one at a time.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "tests/localhub/cas/chunker.h"
#include "tests/localhub/cas/xet_store.h"
#include "tests/localhub/crypto.h"

namespace hubd::localhub {
namespace {

class XetStoreTest : public testing::Test {
 protected:
  XetStoreTest() : folder_(std::filesystem::path(testing::TempDir()) / ("xet-store-" + random_hex(6))), store_(folder_) {
    bytes_.resize(700'000);
    generate_bytes(11, 0, std::as_writable_bytes(std::span(bytes_)));
  }
  ~XetStoreTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // The chunks of bytes_ as a xorb, uploaded.
  void upload(std::uint8_t scheme = kSchemeNone) {
    Content content;
    content.size = bytes_.size();
    content.text = bytes_;
    chunks_ = chunks_of(content).value();
    body_.clear();
    Bytes at = 0;
    for (auto const& chunk : chunks_) {
      auto const packed = pack_chunk(scheme, std::string_view(bytes_).substr(at, chunk.size));
      body_ += record_head(packed.scheme, packed.payload.size(), chunk.size) + packed.payload;
      at += chunk.size;
    }
    xorb_ = tree_root(chunks_);
    ASSERT_TRUE(put(body_, xorb_).value());
  }

  Result<bool> put(std::string const& body, XetHash const& hash, bool exact = true) {
    auto const path = folder_ / "upload";
    std::ofstream(path, std::ios::binary) << body;
    auto result = store_.put_xorb(path, hash, exact);
    EXPECT_FALSE(std::filesystem::exists(path));
    return result;
  }

  // A true shard: the file in two terms, the xorb described.
  Shard shard() const {
    Shard made;
    ShardXorb described;
    described.hash = xorb_;
    for (auto const& chunk : chunks_) {
      described.chunks.push_back({chunk.hash, described.length, static_cast<std::uint32_t>(chunk.size), false});
      described.length += static_cast<std::uint32_t>(chunk.size);
    }
    made.xorbs.push_back(described);
    ShardFile file;
    file.hash = file_hash(chunks_);
    file.verified = true;
    file.sha256 = XetHash::parse(sha256_hex(bytes_));
    auto const count = static_cast<std::uint32_t>(chunks_.size());
    for (auto const& [first, end] : {std::pair{0U, 2U}, std::pair{2U, count}}) {
      Segment segment{xorb_, 0, first, end};
      std::vector<XetHash> names;
      for (auto n = first; n < end; ++n) {
        segment.length += static_cast<std::uint32_t>(chunks_[n].size);
        names.push_back(chunks_[n].hash);
      }
      file.segments.push_back(segment);
      file.verification.push_back(verification_hash(names));
    }
    made.files.push_back(file);
    return made;
  }

  std::filesystem::path folder_;
  XetStore store_;
  std::string bytes_;
  std::vector<TreeNode> chunks_;
  std::string body_;
  XetHash xorb_;
};

TEST_F(XetStoreTest, AnUploadedFileReadsBack) {
  upload(kSchemeGrouped);
  EXPECT_FALSE(put(body_, xorb_).value());  // again
  EXPECT_TRUE(store_.add_shard(shard(), "repo").value());
  EXPECT_FALSE(store_.add_shard(shard(), "repo2").value());
  auto const* file = store_.file_by_sha256(sha256_hex(bytes_), "repo2");
  ASSERT_NE(nullptr, file);
  EXPECT_EQ(nullptr, store_.file_by_sha256(sha256_hex(bytes_), "repo3"));
  EXPECT_EQ((std::set<std::string>{"repo", "repo2"}), file->repos);
  EXPECT_EQ(bytes_, read_exactly(*store_.bytes_of(*file), 0, bytes_.size()).value());
  EXPECT_EQ(bytes_.substr(123'456, 200'000), read_exactly(*store_.bytes_of(*file), 123'456, 200'000).value());
  auto const stored = std::filesystem::file_size(folder_ / "xorbs" / ("default." + xorb_.text()));
  EXPECT_EQ(store_.xorb(xorb_)->stored(), stored);
  EXPECT_TRUE(parse_xorb(folder_ / "xorbs" / ("default." + xorb_.text())).value().footer);
}

TEST_F(XetStoreTest, BrokenXorbsAreRefused) {
  upload();
  auto const other = XetHash::parse(std::string(64, 'a')).value();
  EXPECT_FALSE(put(body_, other));
  EXPECT_FALSE(put("", xorb_));
  EXPECT_FALSE(put(body_.substr(0, body_.size() - 1), xorb_));
  EXPECT_FALSE(put(body_.substr(0, body_.size() - chunks_.back().size - kRecordHead), xorb_));
  for (std::size_t const at : {0UL, 4UL, 5UL, 1UL, 100UL}) {
    auto broken = body_;
    broken[at] = static_cast<char>(broken[at] ^ 0x11);
    EXPECT_FALSE(put(broken, xorb_)) << at;
  }
  auto const with_footer = body_ + xorb_footer(xorb_, store_.xorb(xorb_)->chunks());
  EXPECT_FALSE(put(with_footer, xorb_, true));
  EXPECT_TRUE(put(with_footer, xorb_, false));
  std::string bomb = record_head(kSchemeLz4, 60'000, 131072) + lz4_bomb(60'000);
  EXPECT_FALSE(put(bomb, xorb_));
}

TEST_F(XetStoreTest, EveryRuleOfAShardIsChecked) {
  upload();
  std::vector<std::pair<char const*, std::function<void(Shard&)>>> const lies{
      {"unknown xorb in a term", [](Shard& s) { s.files[0].segments[0].xorb.raw[0] ^= 1; }},
      {"term past its xorb", [](Shard& s) { s.files[0].segments[1].end += 1; }},
      {"length of a term", [](Shard& s) { s.files[0].segments[0].length += 1; }},
      {"chunks of a term", [](Shard& s) { s.files[0].segments[0].first += 1; }},
      {"verification hash", [](Shard& s) { s.files[0].verification[1].raw[31] ^= 1; }},
      {"no verification", [](Shard& s) { s.files[0].verified = false; }},
      {"file hash", [](Shard& s) { s.files[0].hash.raw[7] ^= 1; }},
      {"a term is missing", [](Shard& s) { s.files[0].segments.pop_back(), s.files[0].verification.pop_back(); }},
      {"unknown xorb described", [](Shard& s) { s.xorbs[0].hash.raw[0] ^= 1; }},
      {"number of chunks", [](Shard& s) { s.xorbs[0].chunks.pop_back(); }},
      {"length of a xorb", [](Shard& s) { s.xorbs[0].length -= 1; }},
      {"hash of a chunk", [](Shard& s) { s.xorbs[0].chunks[1].hash.raw[0] ^= 1; }},
      {"start of a chunk", [](Shard& s) { s.xorbs[0].chunks[1].start += 1; }},
      {"length of a chunk", [](Shard& s) { s.xorbs[0].chunks[2].length += 1; }}};
  for (auto const& [name, lie] : lies) {
    auto wrong = shard();
    lie(wrong);
    EXPECT_FALSE(store_.add_shard(wrong, "repo")) << name;
    EXPECT_TRUE(store_.files().empty()) << name;
    EXPECT_FALSE(store_.dedup(chunks_[0].hash)) << name;
  }
  EXPECT_TRUE(store_.add_shard(shard(), "repo"));
  EXPECT_TRUE(store_.dedup(chunks_[0].hash));
}

TEST_F(XetStoreTest, SeededFilesShareChunksAndReadBack) {
  ContentStore contents(folder_ / "contents");
  auto const first = contents.from_text(bytes_);
  auto changed = bytes_;
  changed.replace(300'000, 10, "0123456789");
  auto const second = contents.from_text(changed);
  for (auto const scheme : {std::optional<std::uint8_t>(kSchemeNone), std::optional<std::uint8_t>()}) {
    XetStore store(folder_ / (scheme ? "plain" : "packed"));
    SeedForm form;
    form.scheme = scheme;
    form.xorb_chunks = 3;
    auto const a = store.seed(first, form, "repo").value();
    auto const before = store.xorbs().size();
    auto const b = store.seed(second, form, "repo").value();
    EXPECT_EQ(before + 1, store.xorbs().size());  // only the changed chunks
    EXPECT_EQ(bytes_, read_exactly(*store.bytes_of(*store.file(a)), 0, bytes_.size()).value());
    EXPECT_EQ(changed, read_exactly(*store.bytes_of(*store.file(b)), 0, changed.size()).value());
    for (auto const& [hash, xorb] : store.xorbs()) {
      auto const path = folder_ / "records";
      std::ofstream(path, std::ios::binary) << read_exactly(*xorb, 0, static_cast<std::size_t>(xorb->records())).value();
      EXPECT_EQ(hash, parse_xorb(path).value().hash);
    }
  }
}

}  // namespace
}  // namespace hubd::localhub
