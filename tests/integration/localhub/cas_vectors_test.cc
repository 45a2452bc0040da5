// SPDX-License-Identifier: Apache-2.0
// The local CAS's own chunker, hashes and formats against tables that came from the reference implementation.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <functional>
#include <sstream>

#include "tests/localhub/cas/chunker.h"
#include "tests/localhub/cas/crc64.h"
#include "tests/localhub/cas/reconstruction.h"
#include "tests/localhub/cas/shard.h"
#include "tests/localhub/cas/subtree.h"
#include "tests/localhub/crypto.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

json::object const& vectors() {
  static json::object const all = [] {
    std::ifstream in(XET_VECTORS, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return json::parse(text.str()).as_object();
  }();
  return all;
}

std::string text(json::value const& value) { return std::string(value.as_string()); }
std::size_t count(json::value const& value) { return value.to_number<std::size_t>(); }
XetHash hash(json::value const& value) { return XetHash::parse(text(value)).value(); }

std::string input(json::value const& value) {
  if (value.is_string()) return input(vectors().at("named_inputs").at(value.as_string()));
  auto const& in = value.as_object();
  auto const kind = text(in.at("gen"));
  std::string out;
  if (kind == "hex") return raw_of(text(in.at("hex")));
  if (kind == "utf8") return text(in.at("text"));
  if (kind == "fill") return std::string(count(in.at("size")), static_cast<char>(count(in.at("byte"))));
  if (kind == "splitmix64") {
    out.resize(count(in.at("size")));
    generate_bytes(in.at("seed").to_number<std::uint64_t>(), 0, std::as_writable_bytes(std::span(out)));
  } else if (kind == "concat") {
    for (auto const& part : in.at("parts").as_array()) out += input(part);
  } else if (kind == "slice") {
    out = input(in.at("of")).substr(count(in.at("start")), count(in.at("end")) - count(in.at("start")));
  } else if (kind == "cycle") {
    auto const unit = input(in.at("of"));
    while (out.size() < count(in.at("size"))) out += unit;
    out.resize(count(in.at("size")));
  } else if (kind == "u32le") {
    auto word = static_cast<std::uint32_t>(count(in.at("start")));
    for (std::size_t i = 0; i < count(in.at("count")); ++i, word += static_cast<std::uint32_t>(count(in.at("step")))) {
      for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((word >> shift) & 0xffU));
    }
  } else {
    ADD_FAILURE() << "no input is called " << kind;
  }
  return out;
}

Content content_of(std::string bytes) {
  Content content;
  content.size = bytes.size();
  content.text = std::move(bytes);
  return content;
}

std::vector<TreeNode> leaves_by_rule(json::object const& rule) {
  std::vector<TreeNode> leaves;
  for (std::uint64_t i = 0; i < count(rule.at("count")); ++i) {
    std::uint64_t const number = count(rule.at("base")) + i;
    leaves.push_back({chunk_hash(std::as_bytes(std::span(&number, 1))), (i * count(rule.at("mul")) % 131072) + 1});
  }
  return leaves;
}

std::vector<XetHash> names(std::vector<TreeNode> const& nodes) {
  std::vector<XetHash> out;
  for (auto const& node : nodes) out.push_back(node.hash);
  return out;
}

TEST(CasVectors, ChunksAndHashes) {
  for (auto const& value : vectors().at("chunking").as_array()) {
    auto const& one = value.as_object();
    SCOPED_TRACE(text(one.at("name")));
    auto const chunks = chunks_of(content_of(input(one.at("input")))).value();
    auto const& want = one.at("chunks").as_array();
    ASSERT_EQ(want.size(), chunks.size());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      EXPECT_EQ(count(want[i].at(0)), chunks[i].size);
      EXPECT_EQ(text(want[i].at(1)), chunks[i].hash.text());
    }
    EXPECT_EQ(hash(one.at("merkle_root")), tree_root(chunks));
    EXPECT_EQ(hash(one.at("file_hash")), file_hash(chunks));
    if (chunks.empty()) continue;
    EXPECT_EQ(hash(one.at("verification_hash_all_chunks")), verification_hash(names(chunks)));
  }
  auto const pattern = input(vectors().at("named_inputs").at("pattern128"));
  for (auto const& one : vectors().at("padding_cases").at("cases").as_array()) {
    auto const unit = pattern + std::string(count(one.at("padding")), '\0');
    std::string bytes;
    while (bytes.size() < 65536) bytes += unit;
    bytes.resize(65536);
    std::vector<std::size_t> ends;
    for (auto const& chunk : chunks_of(content_of(bytes)).value()) ends.push_back((ends.empty() ? 0 : ends.back()) + chunk.size);
    EXPECT_EQ(json::value_to<std::vector<std::size_t>>(one.at("boundaries")), ends) << one.at("padding");
  }
}

TEST(CasVectors, TreesKeysAndChecksums) {
  for (auto const& value : vectors().at("merkle").as_array()) {
    auto const& one = value.as_object();
    SCOPED_TRACE(text(one.at("name")));
    std::vector<TreeNode> leaves;
    if (auto const* listed = one.if_contains("leaves")) {
      for (auto const& leaf : listed->as_array()) leaves.push_back({hash(leaf.at(0)), count(leaf.at(1))});
    } else if (auto const* rule = one.if_contains("leaves_rule"); rule != nullptr && rule->as_object().contains("base")) {
      leaves = leaves_by_rule(rule->as_object());
    } else {
      continue;
    }
    EXPECT_EQ(hash(one.at("merkle_root")), tree_root(leaves));
    EXPECT_EQ(hash(one.at("file_hash")), file_hash(leaves));
  }
  for (auto const& one : vectors().at("hmac").as_array()) {
    EXPECT_EQ(hash(one.at("hmac")), keyed(hash(one.at("hash")), XetHash::from_raw(raw_of(text(one.at("key_raw_hex"))).data())));
  }
  Crc64 crc;
  crc.update(as_bytes("123456789"));
  EXPECT_EQ(0xae8b14860a799888ULL, crc.value());
}

TEST(CasVectors, SubtreesOfARun) {
  for (auto const& value : vectors().at("merkle_subtrees").as_array()) {
    auto const& one = value.as_object();
    auto const made = subtree_json(leaves_by_rule(one.at("leaves_rule").as_object()), one.at("at_start").as_bool(), one.at("at_end").as_bool());
    EXPECT_EQ(json::serialize(one.at("wire")), json::serialize(made)) << text(one.at("name"));
  }
}

TEST(CasVectors, FramesUnpack) {
  for (auto const& one : vectors().at("lz4_frames").at("cases").as_array()) {
    auto const& item = one.as_object();
    if (!item.contains("frame_hex")) continue;
    auto const plain = unpack_chunk(static_cast<std::uint8_t>(count(item.at("scheme"))), raw_of(text(item.at("frame_hex"))), count(item.at("size")));
    ASSERT_TRUE(plain) << text(item.at("name"));
    EXPECT_EQ(text(item.at("sha256")), sha256_hex(*plain)) << text(item.at("name"));
  }
  for (auto const& one : vectors().at("bg4_split").as_array()) {
    auto const plain = raw_of(text(one.at("input_hex")));
    EXPECT_EQ(text(one.at("split_hex")), hex_of(group_bytes(plain)));
    EXPECT_EQ(plain, ungroup_bytes(group_bytes(plain)));
  }
  std::string zeros(100'000, '\0');
  EXPECT_EQ(zeros, unpack_chunk(kSchemeLz4, pack_chunk(kSchemeLz4, zeros).payload, zeros.size()));
  auto const bomb = lz4_bomb(60'000);
  EXPECT_EQ(60'000U, bomb.size());
  EXPECT_FALSE(unpack_chunk(kSchemeLz4, bomb, 131072));
}

TEST(CasVectors, XorbsParseAndGetTheirFooter) {
  auto const folder = std::filesystem::path(testing::TempDir());
  for (auto const& value : vectors().at("xorbs").as_array()) {
    auto const& one = value.as_object();
    if (!one.contains("body_hex") || !one.contains("full_v1_hex")) continue;
    SCOPED_TRACE(text(one.at("name")));
    for (auto const* form : {"body_hex", "full_v1_hex"}) {
      auto const path = folder / "xorb";
      std::ofstream(path, std::ios::binary) << raw_of(text(one.at(form)));
      auto const parsed = parse_xorb(path);
      ASSERT_TRUE(parsed) << parsed.error().what;
      EXPECT_EQ(hash(one.at("xorb_hash")), parsed->hash);
      EXPECT_EQ(std::string(form) == "full_v1_hex", parsed->footer);
      EXPECT_EQ(text(one.at("full_v1_hex")), text(one.at("body_hex")) + hex_of(xorb_footer(parsed->hash, parsed->chunks)));
    }
  }
}

TEST(CasVectors, ShardsParseAndAnswerInKeyedForm) {
  for (auto const& value : vectors().at("shards").as_array()) {
    auto const& one = value.as_object();
    SCOPED_TRACE(text(one.at("name")));
    auto const shard = parse_shard(raw_of(text(one.at("upload_hex"))));
    ASSERT_TRUE(shard) << shard.error().what;
    auto const& files = one.at("files").as_array();
    ASSERT_EQ(files.size(), shard->files.size());
    for (auto const& file : files) {
      auto const found = std::find_if(shard->files.begin(), shard->files.end(), [&](ShardFile const& known) { return known.hash == hash(file.at("file_hash")); });
      ASSERT_NE(shard->files.end(), found);
      EXPECT_EQ(file.at("segments").as_array().size(), found->segments.size());
      if (auto const* digest = file.as_object().if_contains("sha256"); digest != nullptr && digest->is_string()) {
        EXPECT_EQ(text(*digest), found->sha256.value().text());
      }
    }
    std::vector<XorbPtr> xorbs;
    for (auto const& described : shard->xorbs) {
      std::vector<XorbChunk> chunks;
      for (auto const& chunk : described.chunks) chunks.push_back({chunk.hash, chunk.length, kSchemeNone, 0});
      chunks.back().end = described.on_disk;
      xorbs.push_back(content_xorb(described.hash, std::move(chunks), {}));
    }
    std::set<XetHash> eligible;
    for (auto const& name : one.at("global_dedup_eligible").as_array()) eligible.insert(hash(name));
    for (bool const lookups : {false, true}) {
      DedupForm form;
      form.key = XetHash::from_raw(raw_of(text(one.at("hmac_key_raw_hex"))).data());
      form.lookups = lookups;
      form.created_s = static_cast<std::int64_t>(count(one.at("creation_timestamp")));
      form.expires_s = static_cast<std::int64_t>(count(one.at("key_expiry")));
      auto const made = dedup_shard(xorbs, eligible, form);
      auto const want = raw_of(text(one.at(lookups ? "keyed_with_lookups_hex" : "keyed_no_lookups_hex")));
      EXPECT_EQ(hex_of(want), hex_of(made)) << (lookups ? "with lookups" : "without");
    }
  }
  auto broken = raw_of(text(vectors().at("shards").at(0).at("upload_hex")));
  for (auto const at : {0UL, 32UL, 40UL, 48UL + 36UL, broken.size() - 48}) {
    auto changed = broken;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    EXPECT_FALSE(parse_shard(changed)) << at;
  }
}

TEST(CasVectors, Reconstructions) {
  for (auto const& value : vectors().at("reconstruction").as_array()) {
    auto const& one = value.as_object();
    SCOPED_TRACE(text(one.at("name")));
    std::map<XetHash, XorbPtr> xorbs;
    for (auto const& xorb : one.at("xorbs").as_array()) {
      std::vector<XorbChunk> chunks;
      Bytes end = 0;
      for (auto const& sizes : xorb.at("chunks_uncompressed_compressed").as_array()) {
        end += kRecordHead + count(sizes.at(1));
        chunks.push_back({XetHash{}, static_cast<std::uint32_t>(count(sizes.at(0))), kSchemeNone, end});
      }
      xorbs[hash(xorb.at("hash"))] = content_xorb(hash(xorb.at("hash")), std::move(chunks), {});
    }
    std::vector<Segment> segments;
    for (auto const& item : one.at("file_segments").as_array()) {
      Segment segment{hash(item.at("xorb")), 0, static_cast<std::uint32_t>(count(item.at("start"))), static_cast<std::uint32_t>(count(item.at("end")))};
      for (auto n = segment.first; n < segment.end; ++n) segment.length += xorbs.at(segment.xorb)->chunks()[n].length;
      segments.push_back(segment);
    }
    auto const lookup = [&](XetHash const& name) { return xorbs.at(name); };
    for (auto const& query : one.at("queries").as_array()) {
      auto const& asked = query.at("request_range_end_exclusive");
      std::optional<std::pair<Bytes, Bytes>> range;
      if (asked.is_array()) range = {count(asked.at(0)), count(asked.at(1))};
      SCOPED_TRACE(json::serialize(asked));
      auto const plan = reconstruct(segments, lookup, range);
      auto const* terms = query.as_object().if_contains("terms");
      if (terms == nullptr) {
        EXPECT_FALSE(plan);
        continue;
      }
      ASSERT_TRUE(plan);
      EXPECT_EQ(count(query.at("offset_into_first_range")), plan->offset);
      ASSERT_EQ(terms->as_array().size(), plan->terms.size());
      for (std::size_t i = 0; i < plan->terms.size(); ++i) {
        auto const& want = terms->at(i);
        auto const& term = plan->terms[i];
        EXPECT_TRUE(hash(want.at("hash")) == term.xorb && count(want.at("unpacked_length")) == term.length &&
                    count(want.at("range").at("start")) == term.first && count(want.at("range").at("end")) == term.end) << i;
      }
      std::size_t fetches = 0;
      for (auto const& [name, ranges] : plan->fetch) fetches += ranges.size();
      ASSERT_EQ(query.at("fetch").as_array().size(), fetches);
      for (auto const& want : query.at("fetch").as_array()) {
        auto const& ranges = plan->fetch.at(hash(want.at("hash")));
        EXPECT_TRUE(std::any_of(ranges.begin(), ranges.end(), [&](FetchRange const& have) {
          return have.first == count(want.at("chunks").at("start")) && have.end == count(want.at("chunks").at("end")) &&
                 have.from == count(want.at("bytes_inclusive").at("start")) && have.to == count(want.at("bytes_inclusive").at("end")) + 1;
        })) << json::serialize(want);
      }
    }
  }
}

}  // namespace
}  // namespace hubd::localhub
