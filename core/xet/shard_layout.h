// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/bytes.h"

namespace hubd::xet {

// The numbers of the shard format that its reader and its writer share. Private to the room.
inline constexpr std::size_t kRecordSize = 48;
inline constexpr std::size_t kShardFooterSize = 200;
inline constexpr std::uint64_t kShardVersion = 2;
inline constexpr std::uint64_t kShardFooterVersion = 1;
inline constexpr std::uint32_t kWithVerification = 0x80000000U;
inline constexpr std::uint32_t kWithSha256 = 0x40000000U;
inline constexpr std::uint32_t kDedupEligible = 0x80000000U;
inline constexpr std::size_t kNameEntrySize = 12;   // of the lookups of files and xorbs
inline constexpr std::size_t kChunkEntrySize = 16;  // of the lookup of chunks
inline constexpr std::string_view kShardTag{
    "HFRepoMetaData\0\x55\x69\x67\x45\x6a\x7b\x81\x57\x83\xa5\xbd\xd9\x5c\xcd\xd1\x4a\xa9", 32};

}  // namespace hubd::xet
