// SPDX-License-Identifier: Apache-2.0
#include "core/xet/hashes.h"

#include <blake3.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <vector>

#include "core/xet/limits.h"

namespace hubd::xet {
namespace {

using Key = std::array<std::uint8_t, 32>;

// The protocol's keys, one for each use.
constexpr Key kChunkKey{0x66, 0x97, 0xf5, 0x77, 0x5b, 0x95, 0x50, 0xde, 0x31, 0x35, 0xcb, 0xac, 0xa5, 0x97, 0x18, 0x1c,
                        0x9d, 0xe4, 0x21, 0x10, 0x9b, 0xeb, 0x2b, 0x58, 0xb4, 0xd0, 0xb0, 0x4b, 0x93, 0xad, 0xf2, 0x29};
constexpr Key kNodeKey{0x01, 0x7e, 0xc5, 0xc7, 0xa5, 0x47, 0x29, 0x96, 0xfd, 0x94, 0x66, 0x66, 0xb4, 0x8a, 0x02, 0xe6,
                       0x5d, 0xdd, 0x53, 0x6f, 0x37, 0xc7, 0x6d, 0xd2, 0xf8, 0x63, 0x52, 0xe6, 0x4a, 0x53, 0x71, 0x3f};
constexpr Key kVerificationKey{0x7f, 0x18, 0x57, 0xd6, 0xce, 0x56, 0xed, 0x66, 0x12, 0x7f, 0xf9, 0x13, 0xe7, 0xa5, 0xc3, 0xf3,
                               0xa4, 0xcd, 0x26, 0xd5, 0xb5, 0xdb, 0x49, 0xe6, 0x41, 0x24, 0x98, 0x7f, 0x28, 0xfb, 0x94, 0xc3};
constexpr Key kZeroKey{};

class Keyed {
 public:
  explicit Keyed(Key const& key) { blake3_hasher_init_keyed(&hasher_, key.data()); }
  void update(void const* data, std::size_t size) { blake3_hasher_update(&hasher_, data, size); }
  MerkleHash finish() const {
    MerkleHash hash;
    blake3_hasher_finalize(&hasher_, reinterpret_cast<std::uint8_t*>(hash.bytes.data()), MerkleHash::kSize);
    return hash;
  }

 private:
  blake3_hasher hasher_;
};

}  // namespace

MerkleHash chunk_hash(std::span<std::byte const> chunk) {
  Keyed hasher(kChunkKey);
  hasher.update(chunk.data(), chunk.size());
  return hasher.finish();
}

struct ChunkHasher::State {
  Keyed hasher{kChunkKey};
};
ChunkHasher::ChunkHasher() : state_(std::make_unique<State>()) {}
ChunkHasher::~ChunkHasher() = default;
void ChunkHasher::update(std::span<std::byte const> bytes) { state_->hasher.update(bytes.data(), bytes.size()); }
MerkleHash ChunkHasher::finish() {
  auto const hash = state_->hasher.finish();
  *state_ = {};
  return hash;
}

MerkleHash node_hash(std::span<std::byte const> text) {
  Keyed hasher(kNodeKey);
  hasher.update(text.data(), text.size());
  return hasher.finish();
}

MerkleHash hmac(MerkleHash const& hash, std::span<std::byte const, 32> key) {
  Key raw;
  std::transform(key.begin(), key.end(), raw.begin(), [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
  Keyed hasher(raw);
  hasher.update(hash.bytes.data(), hash.bytes.size());
  return hasher.finish();
}

std::size_t group_length(std::span<HashedSize const> rest) {
  std::size_t count = 0;
  while (count < rest.size()) {
    ++count;
    if (ends_group(count, rest[count - 1].hash)) break;
  }
  return count;
}

HashedSize merkle_parent(std::span<HashedSize const> children) {
  assert(!children.empty() && children.size() <= kChildrenMax && "a node has one to nine children");
  // "<hash> : <size>\n" for each child
  std::array<char, kChildrenMax * (64 + 3 + 20 + 1)> text;
  char* end = text.data();
  Bytes size = 0;
  for (auto const& child : children) {
    auto const hash = child.hash.text();
    end = std::copy(hash.begin(), hash.end(), end);
    *end++ = ' ';
    *end++ = ':';
    *end++ = ' ';
    end = std::to_chars(end, text.data() + text.size(), child.size).ptr;
    *end++ = '\n';
    size += child.size;
  }
  return {node_hash(std::as_bytes(std::span(text.data(), end))), size};
}

MerkleHash merkle_root(std::span<HashedSize const> chunks) {
  if (chunks.empty()) return {};
  std::vector<HashedSize> level(chunks.begin(), chunks.end());
  while (level.size() > 1) {
    std::size_t made = 0;  // parents stand in place of children that are read already
    for (std::size_t at = 0; at < level.size();) {
      auto const count = group_length(std::span(level).subspan(at));
      auto const node = merkle_parent(std::span(level).subspan(at, count));
      level[made++] = node;
      at += count;
    }
    level.resize(made);
  }
  return level.front().hash;
}

MerkleHash file_hash(std::span<HashedSize const> chunks) {
  return chunks.empty() ? MerkleHash{} : file_hash_of_root(merkle_root(chunks));
}

MerkleHash file_hash_of_root(MerkleHash const& root) { return hmac(root, std::as_bytes(std::span(kZeroKey))); }

MerkleHash file_hash(std::span<HashedSize const> chunks, std::span<std::byte const, 32> salt) {
  return chunks.empty() ? MerkleHash{} : hmac(merkle_root(chunks), salt);
}

MerkleHash verification_hash(std::span<MerkleHash const> chunks) {
  Keyed hasher(kVerificationKey);
  for (auto const& chunk : chunks) hasher.update(chunk.bytes.data(), chunk.bytes.size());
  return hasher.finish();
}

bool is_dedup_eligible(MerkleHash const& chunk) { return chunk.modulo(kDedupModulus) == 0; }

}  // namespace hubd::xet
