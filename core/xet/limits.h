// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include "core/base/bytes.h"

namespace hubd::xet {

// What the format fixes (xet-protocol 1.1, 3.1, 3.7).
inline constexpr Bytes kChunkSizeMax = 131072;       ///< unpacked
inline constexpr Bytes kPackedSizeMax = 262144;      ///< of one chunk, that a reader accepts
inline constexpr std::size_t kChunkHeadSize = 8;     ///< in front of each packed chunk
inline constexpr Bytes kXorbSizeMax = 64_MiB;        ///< unpacked
inline constexpr std::size_t kXorbChunksMax = 8192;

}  // namespace hubd::xet
