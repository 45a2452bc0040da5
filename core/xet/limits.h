// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include "core/base/bytes.h"

namespace hubd::xet {

// What the format fixes (xet-protocol 1.1, 3.1, 3.7, 4.6).
inline constexpr Bytes kChunkSizeMin = 8192;         ///< of what our chunker cuts; a reader takes smaller ones
inline constexpr Bytes kChunkSizeMax = 131072;       ///< unpacked
inline constexpr Bytes kPackedSizeMax = 262144;      ///< of one chunk, that a reader accepts
inline constexpr std::size_t kChunkHeadSize = 8;     ///< in front of each packed chunk
inline constexpr Bytes kXorbSizeMax = 64_MiB;        ///< unpacked
inline constexpr std::size_t kXorbChunksMax = 8192;
inline constexpr Bytes kXorbBodyMax = kXorbSizeMax + kChunkHeadSize * kXorbChunksMax;  ///< all records, that a reader accepts
inline constexpr Bytes kShardSizeMax = 64_MiB;       ///< that a reader accepts, unless told otherwise
inline constexpr std::uint64_t kDedupModulus = 1024; ///< a chunk whose hash is 0 modulo this may be asked for

}  // namespace hubd::xet
