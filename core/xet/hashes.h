// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <span>

#include "core/base/bytes.h"
#include "core/xet/merkle_hash.h"

namespace hubd::xet {

// Keyed BLAKE3 in its several uses, and the Merkle tree over chunks (xet-protocol 2.2 to 2.4). Pure, thread-safe.

/// A leaf or node of the tree: a hash and the unpacked bytes below it.
struct HashedSize {
  MerkleHash hash;
  Bytes size = 0;
  friend bool operator==(HashedSize const&, HashedSize const&) = default;
};

/// Of the unpacked bytes of one chunk. The name of a local shard file is the same hash of all its bytes.
MerkleHash chunk_hash(std::span<std::byte const> chunk);

/// The same for bytes that come in pieces. One thread at a time.
class ChunkHasher {
 public:
  ChunkHasher();
  ~ChunkHasher();
  void update(std::span<std::byte const> bytes);
  /// The hash of what came since the last finish(); begins anew.
  MerkleHash finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Of the text that describes a node's children.
MerkleHash node_hash(std::span<std::byte const> text);
/// Keyed BLAKE3 of a hash's bytes with 32 bytes of key.
MerkleHash hmac(MerkleHash const& hash, std::span<std::byte const, 32> key);
/// The root of the tree over chunks in order: of a xorb's chunks, the xorb's id. Zero for none.
MerkleHash merkle_root(std::span<HashedSize const> chunks);
/// Most children that a node has.
inline constexpr std::size_t kChildrenMax = 9;
/// Is the group of siblings complete, now that its `count`-th member is `hash`?
inline bool ends_group(std::size_t count, MerkleHash const& hash) {
  return count == kChildrenMax || (count >= 3 && hash.modulo(4) == 0);
}
/// How many of the remaining nodes of a level share a parent; 0 only for none.
std::size_t group_length(std::span<HashedSize const> rest);
/// Of 1 to kChildrenMax children.
HashedSize merkle_parent(std::span<HashedSize const> children);
/// The id of the file that consists of these chunks. Zero for an empty file.
MerkleHash file_hash(std::span<HashedSize const> chunks);
/// The same from the root of its tree. The protocol's salt is zero wherever it was seen.
MerkleHash file_hash_of_root(MerkleHash const& root);
MerkleHash file_hash(std::span<HashedSize const> chunks, std::span<std::byte const, 32> salt);
/// What a shard proves of a term: one hash over its chunks' hashes.
MerkleHash verification_hash(std::span<MerkleHash const> chunks);
/// May the CAS be asked for this chunk by its hash alone? A file's first chunk may be asked for always.
bool is_dedup_eligible(MerkleHash const& chunk);

}  // namespace hubd::xet
