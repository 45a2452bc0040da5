// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "core/xet/chunk_record.h"

namespace hubd::xet {

/// What a writer of xorbs wants; each chunk that would not shrink is stored as it is all the same.
enum class PackingPolicy : std::uint8_t { none, lz4, grouped_lz4, automatic };

/// How many bytes of each lane (index modulo 4) have 0, 1, ... 8 bits set.
using LaneBits = std::array<std::array<std::uint64_t, 9>, 4>;
LaneBits count_lane_bits(std::span<std::byte const> chunk);
/// Would grouping help this chunk? So it seems when one lane's bits are distributed unlike the others'
/// (xet-protocol 3.3).
bool grouping_helps(LaneBits const& bits);

/// Chooses for a run of chunks: by the first chunk of each section, and anew after each 32. Never influences an id. One
/// thread.
class PackingChooser {
 public:
  explicit PackingChooser(PackingPolicy policy) : policy_(policy) {}
  /// The next chunk belongs to another file.
  void begin_section() { until_look_ = 0; }
  Packing choose(std::span<std::byte const> chunk);

 private:
  PackingPolicy policy_;
  Packing chosen_ = Packing::lz4;
  std::uint32_t until_look_ = 0;
};

}  // namespace hubd::xet
