// SPDX-License-Identifier: Apache-2.0
// Hashes, trees and cuts.
#include <algorithm>
#include <array>
#include <bit>

#include "core/xet/chunker.h"
#include "core/xet/limits.h"
#include "core/xet/merkle_tree.h"
#include "core/xet/stable_boundary.h"
#include "core/xet/subtree.h"
#include "tests/tools/xet_vectors/checks.h"
#include "tests/tools/xet_vectors/inputs.h"

namespace hubd::vectors {
namespace {

std::array<std::byte, 32> key_of(json::value const& hex) {
  auto const bytes = from_hex_text(text_of(hex));
  require(bytes.size() == 32, "a key has 32 bytes");
  std::array<std::byte, 32> key{};
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

/// Leaf i: the chunk hash of base+i in 8 bytes, and the size (i * mul mod 131072) + 1.
std::vector<xet::HashedSize> ruled_leaves(json::object const& rule) {
  only_known(rule, {"count", "base", "mul", "hash", "size"});
  if (auto const* text = rule.if_contains("hash"))
    require_text(text_of(*text), "chunk hash of the 8-byte little-endian encoding of (base+i)", "the rule for hashes");
  if (auto const* text = rule.if_contains("size"))
    require_text(text_of(*text), "(i*mul mod 131072)+1", "the rule for sizes");
  auto const base = number_of(rule.at("base"));
  auto const mul = number_of(rule.at("mul"));
  std::vector<xet::HashedSize> leaves;
  auto const count = number_of(rule.at("count"));
  for (std::uint64_t i = 0; i < count; ++i) {
    std::array<std::byte, 8> bytes;
    for (std::size_t k = 0; k < 8; ++k) bytes[k] = static_cast<std::byte>((base + i) >> (8U * k));
    leaves.push_back({xet::chunk_hash(bytes), i * mul % 131072 + 1});
  }
  return leaves;
}

std::vector<xet::HashedSize> listed_leaves(json::value const& list) {
  std::vector<xet::HashedSize> leaves;
  for (auto const& one : list.as_array()) {
    auto const& pair = one.as_array();
    require(pair.size() == 2, "a leaf is a hash and a size");
    leaves.push_back({hash_of(pair[0]), number_of(pair[1])});
  }
  return leaves;
}

void require_root(std::vector<xet::HashedSize> const& leaves, xet::MerkleHash const& expected) {
  require_text(xet::merkle_root(leaves).text(), expected.text(), "the root");
  xet::MerkleTree tree;
  for (auto const& leaf : leaves) tree.add(leaf);
  require_text(tree.finish().hash.text(), expected.text(), "the root that grows leaf by leaf");
}

xet::MerkleHash verification_of(std::vector<xet::HashedSize> const& chunks) {
  std::vector<xet::MerkleHash> hashes;
  for (auto const& chunk : chunks) hashes.push_back(chunk.hash);
  return xet::verification_hash(hashes);
}

json::object const& chunking_case(json::object const& document, std::string const& name) {
  if (auto const* all = document.if_contains("chunking"))
    for (auto const& one : all->as_array())
      if (text_of(one.as_object().at("name")) == name) return one.get_object();
  throw Mismatch("there is no chunking case " + name);
}

/// The rule before matches below the minimum were ignored.
std::vector<Bytes> legacy_lengths(std::span<std::byte const> bytes) {
  constexpr std::size_t skip = xet::kChunkSizeMin - 64 - 1;
  static std::array<std::uint64_t, 256> const gear{
#include "core/xet/gear_table.inc"
  };
  std::vector<Bytes> lengths;
  while (!bytes.empty()) {
    auto const end = std::min<std::size_t>(bytes.size(), xet::kChunkSizeMax);
    auto length = end;
    std::uint64_t state = 0;
    for (auto i = std::min(skip, end); i < end; ++i) {
      state = (state << 1U) + gear[std::to_integer<std::size_t>(bytes[i])];
      if (state >> 48U == 0) {
        length = i + 1;
        break;
      }
    }
    lengths.push_back(length);
    bytes = bytes.subspan(length);
  }
  return lengths;
}

}  // namespace

void check_prng(Report& report, json::value const& value, json::object const&) {
  report.run("prng", [&] {
    auto const& check = value.as_object().at("check").as_object();
    only_known(check, {"seed", "first_16_bytes_hex", "byte_127", "byte_111111", "sha256_first_1000000"});
    require_text(text_of(value.as_object().at("name")), "splitmix64", "the generator");
    auto const bytes = splitmix64(number_of(check.at("seed")), 1'000'000);
    require_text(hex_of(std::span(bytes).first(16)), text_of(check.at("first_16_bytes_hex")), "its beginning");
    require_number(std::to_integer<std::uint64_t>(bytes[127]), number_of(check.at("byte_127")), "byte 127");
    require_number(std::to_integer<std::uint64_t>(bytes[111111]), number_of(check.at("byte_111111")), "byte 111111");
    require_text(sha256_of(bytes), text_of(check.at("sha256_first_1000000")), "the SHA-256");
  });
}

void check_named_inputs(Report& report, json::value const& value, json::object const& document) {
  for (auto const& [name, generator] : value.as_object())
    report.run("named_inputs/" + std::string(name), [&] { make_input(generator, document); });
}

void check_keyed_hashes(Report& report, json::value const& value, json::object const& document) {
  report.each("keyed_hashes", value, [&](json::object const& one) {
    only_known(one, {"name", "note", "input", "data_hash", "internal_node_hash"});
    auto const bytes = make_input(one.at("input"), document);
    require_text(xet::chunk_hash(bytes).text(), text_of(one.at("data_hash")), "the chunk hash");
    require_text(xet::node_hash(bytes).text(), text_of(one.at("internal_node_hash")), "the node hash");
    xet::ChunkHasher pieces;
    for (std::size_t at = 0; at < bytes.size(); at += 7)
      pieces.update(std::span(bytes).subspan(at, std::min<std::size_t>(7, bytes.size() - at)));
    require_text(pieces.finish().text(), text_of(one.at("data_hash")), "the chunk hash of pieces");
  });
}

void check_hash_text(Report& report, json::value const& value, json::object const&) {
  report.each("hash_text", value, [](json::object const& one) {
    only_known(one, {"name", "note", "raw_hex", "text", "base64url_nopad"});
    auto const raw = from_hex_text(text_of(one.at("raw_hex")));
    auto const hash = hash_of(one.at("text"));
    require_text(hex_of(hash.bytes), hex_of(raw), "the raw bytes");
    require_text(hash.text(), text_of(one.at("text")), "the text");
    if (auto const* base64 = one.if_contains("base64url_nopad"))
      require_text(hash.base64(), text_of(*base64), "the base64 form");
  });
}

void check_hmac(Report& report, json::value const& value, json::object const&) {
  report.each("hmac", value, [](json::object const& one) {
    only_known(one, {"name", "note", "hash", "key_raw_hex", "hmac"});
    require_text(xet::hmac(hash_of(one.at("hash")), key_of(one.at("key_raw_hex"))).text(), text_of(one.at("hmac")),
                 "the hmac");
  });
}

void check_dedup_eligibility(Report& report, json::value const& value, json::object const&) {
  report.each("dedup_eligibility", value, [](json::object const& one) {
    only_known(one, {"name", "note", "hash", "u64_3", "mod_1024", "eligible_by_hash"});
    auto const hash = hash_of(one.at("hash"));
    require_number(hash.word(3), number_of(one.at("u64_3")), "its last number");
    require_number(hash.modulo(1024), number_of(one.at("mod_1024")), "it modulo 1024");
    require_equal(xet::is_dedup_eligible(hash), one.at("eligible_by_hash").as_bool(), "its eligibility");
  });
}

void check_merkle(Report& report, json::value const& value, json::object const&) {
  report.each("merkle", value, [](json::object const& one) {
    only_known(one, {"name", "note", "leaves", "leaves_rule", "merkle_root", "file_hash", "salted_file_hashes",
                     "verification_hash"});
    auto const leaves =
        one.contains("leaves_rule") ? ruled_leaves(one.at("leaves_rule").as_object()) : listed_leaves(one.at("leaves"));
    require_root(leaves, hash_of(one.at("merkle_root")));
    require_text(xet::file_hash(leaves).text(), text_of(one.at("file_hash")), "the file hash");
    if (auto const* expected = one.if_contains("verification_hash"))
      require_text(verification_of(leaves).text(), text_of(*expected), "the verification hash");
    if (auto const* salted = one.if_contains("salted_file_hashes")) {
      for (auto const& each : salted->as_array()) {
        auto const& salt = each.as_object();
        only_known(salt, {"salt_text", "salt_raw_hex", "file_hash"});
        auto const key = key_of(salt.at("salt_raw_hex"));
        require_text(hex_of(hash_of(salt.at("salt_text")).bytes), hex_of(key), "the salt's text");
        require_text(xet::file_hash(leaves, key).text(), text_of(salt.at("file_hash")), "the salted file hash");
      }
    }
  });
}

void check_subtrees(Report& report, json::value const& value, json::object const&) {
  report.each("merkle_subtrees", value, [](json::object const& one) {
    only_known(one,
               {"name", "note", "leaves", "leaves_rule", "at_start", "at_end", "wire", "final_hash", "find_stable"});
    auto const leaves =
        one.contains("leaves_rule") ? ruled_leaves(one.at("leaves_rule").as_object()) : listed_leaves(one.at("leaves"));
    auto const at_start = one.at("at_start").as_bool();
    auto const at_end = one.at("at_end").as_bool();
    auto const tree = xet::Subtree::build(leaves, at_start, at_end);
    require(json::parse(tree.json()) == one.at("wire"),
            "the form of the wire is another: " + tree.json().substr(0, 200));
    auto const read = xet::Subtree::parse(json::serialize(one.at("wire")));
    require(read.has_value(), "the form of the wire does not parse");
    require_text(read->json(), tree.json(), "what was read");
    auto const root = tree.root();
    auto const& expected = one.at("final_hash");
    require_equal(root.has_value(), !expected.is_null(), "whether there is a root");
    if (root) require_text(root->hash.text(), text_of(expected), "the root");
    if (auto const* stable = one.if_contains("find_stable")) {
      auto const name = [](std::optional<std::size_t> const& at) {
        return at ? "Some(" + std::to_string(*at) + ")" : std::string("None");
      };
      require_text("stable " + name(xet::stable_start(leaves)) + " " + name(xet::stable_end(leaves)), text_of(*stable),
                   "what is stable");
    }
    // Any two parts of it give the same again.
    for (std::size_t const at : {leaves.size() / 3, leaves.size() / 2}) {
      if (at == 0 || at == leaves.size()) continue;
      auto const left = xet::Subtree::build(std::span(leaves).first(at), at_start, false);
      auto const right = xet::Subtree::build(std::span(leaves).subspan(at), false, at_end);
      auto const whole = xet::Subtree::merge(left, right);
      require(whole.has_value(), "two parts do not merge");
      if (root) require(whole->root() == root, "two parts give another root");
    }
  });
}

void check_chunking(Report& report, json::value const& value, json::object const& document) {
  report.each("chunking", value, [&](json::object const& one) {
    only_known(one, {"name", "note", "input", "size", "sha256", "chunk_count", "chunks", "merkle_root", "file_hash",
                     "verification_hash_all_chunks"});
    auto const bytes = make_input(one.at("input"), document);
    require_number(bytes.size(), number_of(one.at("size")), "the input's size");
    require_text(sha256_of(bytes), text_of(one.at("sha256")), "the input's SHA-256");
    auto const file = cut(bytes);
    require_number(file.chunks.size(), number_of(one.at("chunk_count")), "the number of chunks");
    auto const& expected = one.at("chunks").as_array();
    require_number(file.chunks.size(), expected.size(), "the number of chunks");
    for (std::size_t i = 0; i < expected.size(); ++i) {
      require_number(file.chunks[i].size, number_of(expected[i].as_array().at(0)),
                     "the length of chunk " + std::to_string(i));
      require_text(file.chunks[i].hash.text(), text_of(expected[i].as_array().at(1)),
                   "the hash of chunk " + std::to_string(i));
    }
    require_root(file.chunks, hash_of(one.at("merkle_root")));
    require_text(xet::file_hash(file.chunks).text(), text_of(one.at("file_hash")), "the file hash");
    require_text(verification_of(file.chunks).text(), text_of(one.at("verification_hash_all_chunks")),
                 "the verification hash");
  });
}

void check_padding(Report& report, json::value const& value, json::object const& document) {
  auto const& all = value.as_object();
  only_known(all, {"input", "cases", "note"});
  require_text(text_of(all.at("input")), "pattern128 followed by `padding` zero bytes, cycled to 65536 bytes",
               "the input's rule");
  auto const pattern = make_input("pattern128", document);
  std::size_t i = 0;
  for (auto const& each : all.at("cases").as_array()) {
    report.run("padding_cases/" + std::to_string(i++), [&] {
      auto const& one = each.as_object();
      only_known(one, {"padding", "byte_11111", "boundaries", "name", "note"});
      auto padded = pattern;
      padded.resize(padded.size() + number_of(one.at("padding")));
      Buffer bytes(65536);
      for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = padded[at % padded.size()];
      require_number(std::to_integer<std::uint64_t>(bytes[11111]), number_of(one.at("byte_11111")), "byte 11111");
      auto const ends = cut(bytes).boundaries();
      auto const& expected = one.at("boundaries").as_array();
      require_number(ends.size() - 1, expected.size(), "the number of chunks");
      for (std::size_t k = 0; k < expected.size(); ++k)
        require_number(ends[k + 1], number_of(expected[k]), "boundary " + std::to_string(k));
    });
  }
}

void check_stable_boundary(Report& report, json::value const& value, json::object const& document) {
  report.each("next_stable_chunk_boundary", value, [&](json::object const& one) {
    only_known(one, {"name", "note", "boundaries", "start", "result"});
    std::vector<Bytes> boundaries;
    auto const& given = one.at("boundaries");
    if (given.is_string()) {
      constexpr std::string_view prefix = "0 followed by cumulative chunk ends of ";
      auto const text = text_of(given);
      require(text.starts_with(prefix), "'" + text + "' is not a known rule");
      auto const name = text.substr(prefix.size());
      bool const known = document.contains("chunking");
      // Without the case itself its name says what it is.
      auto const bytes = !known && name == "splitmix_0_1MB"
                             ? splitmix64(0, 1'000'000)
                             : make_input(chunking_case(document, name).at("input"), document);
      boundaries = cut(bytes).boundaries();
    } else {
      for (auto const& each : given.as_array()) boundaries.push_back(number_of(each));
    }
    auto const found = xet::next_stable_boundary(boundaries, number_of(one.at("start")));
    auto const& expected = one.at("result");
    require_equal(found.has_value(), !expected.is_null(), "whether there is one");
    if (found) require_number(*found, number_of(expected), "the boundary");
  });
}

void check_legacy(Report& report, json::value const& value, json::object const& document) {
  auto const& all = value.as_object();
  only_known(all, {"note", "cases"});
  for (auto const& each : all.at("cases").as_array()) {
    auto const& one = each.as_object();
    report.run("legacy_chunker_divergence/" + text_of(one.at("case")), [&] {
      only_known(one, {"case", "identical", "legacy_chunk_count", "legacy_chunks_below_8192_excluding_last",
                       "first_difference"});
      auto const bytes = make_input(chunking_case(document, text_of(one.at("case"))).at("input"), document);
      std::vector<Bytes> lengths;
      for (auto const& chunk : cut(bytes).chunks) lengths.push_back(chunk.size);
      auto const legacy = legacy_lengths(bytes);
      require_equal(lengths == legacy, one.at("identical").as_bool(), "whether both rules agree");
      require_number(legacy.size(), number_of(one.at("legacy_chunk_count")), "the old number of chunks");
      auto const small =
          std::count_if(legacy.begin(), legacy.end() - 1, [](Bytes length) { return length < xet::kChunkSizeMin; });
      require_number(static_cast<std::uint64_t>(small), number_of(one.at("legacy_chunks_below_8192_excluding_last")),
                     "the old number of small chunks");
      auto const& difference = one.at("first_difference");
      require_equal(lengths == legacy, difference.is_null(), "whether there is a difference");
      if (difference.is_null()) return;
      Bytes start = 0;
      std::size_t i = 0;
      while (lengths.at(i) == legacy.at(i)) start += lengths[i++];
      auto const& expected = difference.as_object();
      only_known(expected, {"chunk_start", "correct_len", "legacy_len"});
      require_number(start, number_of(expected.at("chunk_start")), "the first chunk that differs");
      require_number(lengths[i], number_of(expected.at("correct_len")), "its length");
      require_number(legacy[i], number_of(expected.at("legacy_len")), "its old length");
    });
  }
}

}  // namespace hubd::vectors
