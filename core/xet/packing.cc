// SPDX-License-Identifier: Apache-2.0
#include "core/xet/packing.h"

#include <bit>
#include <cmath>

namespace hubd::xet {
namespace {

constexpr std::uint32_t kLookEvery = 32;  // chunks
constexpr double kDivergenceMin = 0.02;   // of one lane from all, Kullback-Leibler

}  // namespace

LaneBits count_lane_bits(std::span<std::byte const> chunk) {
  LaneBits bits{};
  for (std::size_t i = 0; i < chunk.size(); ++i)
    ++bits[i % 4][static_cast<std::size_t>(std::popcount(std::to_integer<std::uint8_t>(chunk[i])))];
  return bits;
}

bool grouping_helps(LaneBits const& bits) {
  std::array<double, 4> totals{};
  std::array<double, 9> base;
  base.fill(1);
  double total = 0;
  for (std::size_t lane = 0; lane < 4; ++lane) {
    for (std::size_t j = 0; j < 9; ++j) {
      auto const count = static_cast<double>(bits[lane][j]);
      totals[lane] += count;
      base[j] += count;
      total += count;
    }
  }
  double most = 0;
  for (std::size_t lane = 0; lane < 4; ++lane) {
    double divergence = 0;
    for (std::size_t j = 0; j < 9; ++j) {
      // An empty bin counts as "not known" for the whole lane, not as zero: so the protocol's other clients decide, and
      // equal content then packs equally.
      auto const p = static_cast<double>(bits[lane][j]) / totals[lane];
      divergence += p * std::log(p / (base[j] / total));
    }
    if (divergence > most) most = divergence;  // false for not-a-number
  }
  return most > kDivergenceMin;
}

Packing PackingChooser::choose(std::span<std::byte const> chunk) {
  switch (policy_) {
    case PackingPolicy::none:
      return Packing::none;
    case PackingPolicy::lz4:
      return Packing::lz4;
    case PackingPolicy::grouped_lz4:
      return Packing::grouped_lz4;
    case PackingPolicy::automatic:
      break;
  }
  if (until_look_ == 0) {
    chosen_ = grouping_helps(count_lane_bits(chunk)) ? Packing::grouped_lz4 : Packing::lz4;
    until_look_ = kLookEvery;
  }
  --until_look_;
  return chosen_;
}

}  // namespace hubd::xet
