// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/xet/limits.h"

namespace hubd::xet {

// One chunk as a xorb stores it: eight bytes of head, then the packed bytes (xet-protocol 3.1, 3.2). Pure, thread-safe.

enum class Packing : std::uint8_t { none = 0, lz4 = 1, grouped_lz4 = 2 };

struct ChunkHead {
  Packing packing = Packing::none;
  std::uint32_t packed_size = 0;  ///< at most kPackedSizeMax
  std::uint32_t size = 0;         ///< unpacked; 1 to kChunkSizeMax
};

/// `bytes` are the first kChunkHeadSize of a record. Fails: bad_upstream naming the field.
Result<ChunkHead> parse_chunk_head(std::span<std::byte const> bytes);
/// Unpacks into `out`, of head.size bytes. Fails: bad_upstream when `packed` is damaged or gives another number of bytes; `out` is
/// undefined then.
Result<void> unpack_chunk(ChunkHead const& head, std::span<std::byte const> packed, std::span<std::byte> out);
/// Appends the record of `chunk` (1 to kChunkSizeMax bytes) to `body`, packed as `wanted` when that shrinks it, else as it is.
ChunkHead append_chunk(std::span<std::byte const> chunk, Packing wanted, std::vector<std::byte>& body);

}  // namespace hubd::xet
