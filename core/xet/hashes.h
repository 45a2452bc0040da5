// SPDX-License-Identifier: Apache-2.0
#pragma once
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

/// Of the unpacked bytes of one chunk.
MerkleHash chunk_hash(std::span<std::byte const> chunk);
/// Keyed BLAKE3 of a hash's bytes with 32 bytes of key.
MerkleHash hmac(MerkleHash const& hash, std::span<std::byte const, 32> key);
/// The root of the tree over chunks in order: of a xorb's chunks, the xorb's id. Zero for none.
MerkleHash merkle_root(std::span<HashedSize const> chunks);
/// The id of the file that consists of these chunks. Zero for an empty file.
MerkleHash file_hash(std::span<HashedSize const> chunks);
/// What a shard proves of a term: one hash over its chunks' hashes.
MerkleHash verification_hash(std::span<MerkleHash const> chunks);

}  // namespace hubd::xet
