// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/localhub/cas/xet_hash.h"
#include "tests/localhub/content.h"

namespace hubd::localhub {

inline constexpr std::size_t kChunkMin = 8192;
inline constexpr std::size_t kChunkMax = 131072;

extern std::array<std::uint64_t, 256> const kGear;

/// The length of the chunk that starts at the front of `data`, which holds the rest of the file or at least kChunkMax
/// bytes of it. The rule as the protocol states it, byte by byte, without skips or state between chunks.
std::size_t cut_length(std::span<std::byte const> data);

/// All chunks of a file, in order. Fails: io.
Result<std::vector<TreeNode>> chunks_of(Content const& content);

}  // namespace hubd::localhub
