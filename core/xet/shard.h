// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/digest.h"
#include "core/xet/hashes.h"
#include "core/xet/xorb_index.h"

namespace hubd::xet {

// What a shard says (xet-protocol 4): how files are made of xorbs, and what chunks xorbs hold. Plain values.

/// A run of a xorb's chunks, [first, end), in a file.
struct ShardSegment {
  MerkleHash xorb;
  std::uint32_t length = 0;  ///< unpacked
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  std::optional<MerkleHash> verification{};  ///< verification_hash() of its chunks; all segments have one or none has
  friend bool operator==(ShardSegment const&, ShardSegment const&) = default;
};

struct ShardFile {
  MerkleHash file;
  std::vector<ShardSegment> segments;
  bool verified = false;  ///< its segments carry verification hashes; all files of a shard agree in this
  std::optional<Sha256> sha256{};
  friend bool operator==(ShardFile const&, ShardFile const&) = default;
};

struct ShardChunk {
  MerkleHash hash;           ///< of its bytes, or hmac() of that when the footer has a key
  std::uint32_t offset = 0;  ///< in the unpacked xorb
  std::uint32_t length = 0;
  bool dedup_eligible = false;  ///< as a server marks it; false in uploads
  friend bool operator==(ShardChunk const&, ShardChunk const&) = default;
};

struct ShardXorb {
  MerkleHash xorb;
  std::uint32_t size = 0;       ///< unpacked
  std::uint32_t disk_size = 0;  ///< serialized; 0: the writer did not say
  std::vector<ShardChunk> chunks;
  friend bool operator==(ShardXorb const&, ShardXorb const&) = default;
};

struct ShardFooter {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  struct Table {
    Bytes offset = 0;
    std::uint64_t entries = 0;
    friend bool operator==(Table const&, Table const&) = default;
  };
  Bytes files_offset = 0;
  Bytes xorbs_offset = 0;
  Table file_lookup;
  Table xorb_lookup;
  Table chunk_lookup;
  std::array<std::byte, 32> key{};  ///< zero: chunk hashes stand in clear
  std::uint64_t created = 0;        ///< unix seconds
  std::uint64_t expires = 0;        ///< unix seconds
  std::uint64_t stored_on_disk = 0;
  std::uint64_t materialized = 0;
  std::uint64_t stored = 0;
  Bytes offset = 0;  ///< of the footer itself
  [[nodiscard]] bool keyed() const { return key != std::array<std::byte, 32>{}; }
  friend bool operator==(ShardFooter const&, ShardFooter const&) = default;
};

struct Shard {
  std::vector<ShardFile> files;
  std::vector<ShardXorb> xorbs;
  std::optional<ShardFooter> footer{};
};

/// A xorb's part of a shard.
ShardXorb shard_xorb(XorbIndex const& index);
/// Chunks that a server may answer for: each file's first one, the marked ones, and those whose hash says so. In clear
/// only.
std::set<MerkleHash> dedup_eligible_chunks(Shard const& shard);

/// What a server answers to a dedup query: the xorbs alone, the first chunk of each file marked, since files are not
/// named there.
Shard dedup_answer(Shard const& shard);

}  // namespace hubd::xet
