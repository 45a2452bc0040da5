// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace hubd::localhub {

/// A Xet hash: of a chunk, a xorb, a file or a range. The local Hub's own arithmetic, on BLAKE3 alone.
struct XetHash {
  std::array<std::uint8_t, 32> raw{};

  /// The n-th little-endian 64-bit group.
  [[nodiscard]] std::uint64_t word(std::size_t n) const;
  /// 64 digits, each group's number in hex: what URLs and JSON carry.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool zero() const { return *this == XetHash{}; }
  /// Nothing unless `text` is 64 hex digits.
  static std::optional<XetHash> parse(std::string_view text);
  static XetHash from_raw(char const* bytes);

  friend bool operator==(XetHash const&, XetHash const&) = default;
  /// The order of the text form.
  friend std::strong_ordering operator<=>(XetHash const& a, XetHash const& b);
};

struct XetHasher {
  std::size_t operator()(XetHash const& hash) const { return static_cast<std::size_t>(hash.word(0)); }
};

/// A node of a hash tree: a chunk, or the summary of several.
struct TreeNode {
  XetHash hash;
  Bytes size = 0;
};

XetHash chunk_hash(std::span<std::byte const> data);
/// BLAKE3 of the hash's raw bytes under the key's raw bytes.
XetHash keyed(XetHash const& hash, XetHash const& key);
/// How many of the first `nodes` share a parent.
std::size_t group_length(std::span<TreeNode const> nodes);
TreeNode parent_of(std::span<TreeNode const> children);
/// Zero for no leaves; the leaf itself for one.
XetHash tree_root(std::vector<TreeNode> leaves);
XetHash file_hash(std::vector<TreeNode> leaves);
/// Of the chunk hashes of one term, in order.
XetHash verification_hash(std::span<XetHash const> chunks);

}  // namespace hubd::localhub
