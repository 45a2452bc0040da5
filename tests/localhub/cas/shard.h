// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/localhub/cas/xorb.h"

namespace hubd::localhub {

/// A run of chunks of one xorb that stands in a file.
struct Segment {
  XetHash xorb;
  std::uint32_t length = 0;  ///< unpacked bytes
  std::uint32_t first = 0;
  std::uint32_t end = 0;  ///< one past the last chunk
};

struct ShardFile {
  XetHash hash;
  std::vector<Segment> segments;
  bool verified = false;  ///< verification entries are there, also when there are no segments
  std::vector<XetHash> verification;
  std::optional<XetHash> sha256;  ///< its text() is the usual digest
};

struct ShardChunk {
  XetHash hash;
  std::uint32_t start = 0;
  std::uint32_t length = 0;
  bool eligible = false;
};

struct ShardXorb {
  XetHash hash;
  std::uint32_t length = 0;
  std::uint32_t on_disk = 0;
  std::vector<ShardChunk> chunks;
};

struct Shard {
  std::vector<ShardFile> files;
  std::vector<ShardXorb> xorbs;
  XetHash id;  ///< keyed BLAKE3 of the bytes
};

inline constexpr Bytes kShardMax = 64_MiB;

/// Reads an uploaded shard strictly in sequence, ignoring what follows its second bookend.
/// Fails: bad_request, saying what breaks the format.
Result<Shard> parse_shard(std::string_view bytes);

struct DedupForm {
  XetHash key;  ///< zero: chunk hashes in clear
  bool lookups = false;
  std::int64_t created_s = 0;
  std::int64_t expires_s = 0;
};
/// The answer to a dedup query: no files, these xorbs, a footer. `eligible` chunks get the flag.
std::string dedup_shard(std::vector<XorbPtr> const& xorbs, std::set<XetHash> const& eligible, DedupForm const& form);

}  // namespace hubd::localhub
