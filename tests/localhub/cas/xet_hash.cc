// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/xet_hash.h"

#include <blake3.h>

#include <algorithm>
#include <cstring>

#include "tests/localhub/crypto.h"

namespace hubd::localhub {
namespace {

using Key = std::array<std::uint8_t, 32>;

constexpr Key kChunkKey{0x66, 0x97, 0xf5, 0x77, 0x5b, 0x95, 0x50, 0xde, 0x31, 0x35, 0xcb, 0xac, 0xa5, 0x97, 0x18, 0x1c,
                        0x9d, 0xe4, 0x21, 0x10, 0x9b, 0xeb, 0x2b, 0x58, 0xb4, 0xd0, 0xb0, 0x4b, 0x93, 0xad, 0xf2, 0x29};
constexpr Key kNodeKey{0x01, 0x7e, 0xc5, 0xc7, 0xa5, 0x47, 0x29, 0x96, 0xfd, 0x94, 0x66, 0x66, 0xb4, 0x8a, 0x02, 0xe6,
                       0x5d, 0xdd, 0x53, 0x6f, 0x37, 0xc7, 0x6d, 0xd2, 0xf8, 0x63, 0x52, 0xe6, 0x4a, 0x53, 0x71, 0x3f};
constexpr Key kRangeKey{0x7f, 0x18, 0x57, 0xd6, 0xce, 0x56, 0xed, 0x66, 0x12, 0x7f, 0xf9, 0x13, 0xe7, 0xa5, 0xc3, 0xf3,
                        0xa4, 0xcd, 0x26, 0xd5, 0xb5, 0xdb, 0x49, 0xe6, 0x41, 0x24, 0x98, 0x7f, 0x28, 0xfb, 0x94, 0xc3};

XetHash blake3_keyed(Key const& key, void const* data, std::size_t size) {
  blake3_hasher hasher;
  blake3_hasher_init_keyed(&hasher, key.data());
  blake3_hasher_update(&hasher, data, size);
  XetHash out;
  blake3_hasher_finalize(&hasher, out.raw.data(), out.raw.size());
  return out;
}

}  // namespace

std::uint64_t XetHash::word(std::size_t n) const {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = (value << 8U) | raw[n * 8 + i];
  return value;
}

std::string XetHash::text() const {
  std::string turned(32, '\0');
  for (std::size_t i = 0; i < 32; ++i) turned[i] = static_cast<char>(raw[(i & ~std::size_t{7}) + 7 - (i & 7U)]);
  return hex_of(turned);
}

std::optional<XetHash> XetHash::parse(std::string_view text) {
  auto const turned = raw_of(text);
  if (turned.size() != 32) return std::nullopt;
  XetHash hash;
  for (std::size_t i = 0; i < 32; ++i) hash.raw[i] = static_cast<std::uint8_t>(turned[(i & ~std::size_t{7}) + 7 - (i & 7U)]);
  return hash;
}

XetHash XetHash::from_raw(char const* bytes) {
  XetHash hash;
  std::memcpy(hash.raw.data(), bytes, hash.raw.size());
  return hash;
}

std::strong_ordering operator<=>(XetHash const& a, XetHash const& b) {
  for (std::size_t n = 0; n < 4; ++n) {
    auto const order = a.word(n) <=> b.word(n);
    if (order != std::strong_ordering::equal) return order;
  }
  return std::strong_ordering::equal;
}

XetHash chunk_hash(std::span<std::byte const> data) { return blake3_keyed(kChunkKey, data.data(), data.size()); }
XetHash keyed(XetHash const& hash, XetHash const& key) { return blake3_keyed(key.raw, hash.raw.data(), hash.raw.size()); }

std::size_t group_length(std::span<TreeNode const> nodes) {
  if (nodes.size() <= 2) return nodes.size();
  auto const end = std::min<std::size_t>(9, nodes.size());
  for (std::size_t i = 2; i < end; ++i) {
    if (nodes[i].hash.word(3) % 4 == 0) return i + 1;
  }
  return end;
}

TreeNode parent_of(std::span<TreeNode const> children) {
  std::string text;
  TreeNode node;
  for (auto const& child : children) {
    text += child.hash.text() + " : " + std::to_string(child.size) + "\n";
    node.size += child.size;
  }
  node.hash = blake3_keyed(kNodeKey, text.data(), text.size());
  return node;
}

XetHash tree_root(std::vector<TreeNode> nodes) {
  if (nodes.empty()) return {};
  while (nodes.size() > 1) {
    std::vector<TreeNode> parents;
    for (std::span<TreeNode const> rest(nodes); !rest.empty();) {
      auto const count = group_length(rest);
      parents.push_back(parent_of(rest.first(count)));
      rest = rest.subspan(count);
    }
    nodes = std::move(parents);
  }
  return nodes.front().hash;
}

XetHash file_hash(std::vector<TreeNode> leaves) {
  if (leaves.empty()) return {};
  return keyed(tree_root(std::move(leaves)), XetHash{});
}

XetHash verification_hash(std::span<XetHash const> chunks) {
  std::string all;
  all.reserve(chunks.size() * 32);
  for (auto const& chunk : chunks) all.append(reinterpret_cast<char const*>(chunk.raw.data()), chunk.raw.size());
  return blake3_keyed(kRangeKey, all.data(), all.size());
}

}  // namespace hubd::localhub
