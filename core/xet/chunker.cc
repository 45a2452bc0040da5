// SPDX-License-Identifier: Apache-2.0
#include "core/xet/chunker.h"

#include <algorithm>
#include <array>

#include "core/xet/limits.h"

namespace hubd::xet {
namespace {

constexpr std::array<std::uint64_t, 256> kGear{
#include "core/xet/gear_table.inc"
};

// A cut is where the top 16 bits are zero.
constexpr std::uint64_t kNoCut = std::uint64_t{1} << 48U;
// Older bytes have been shifted out of the state, so a chunk's first bytes need no look at all.
constexpr std::size_t kWindow = 64;

inline std::uint64_t step(std::uint64_t state, std::byte byte) {
  return (state << 1U) + kGear[std::to_integer<std::size_t>(byte)];
}

}  // namespace

Chunker::Step Chunker::next(std::span<std::byte const> data) {
  auto const* const begin = data.data();
  auto const* at = begin;
  auto const* const end = begin + std::min<std::size_t>(data.size(), kChunkSizeMax - open_);
  auto const left = [&] { return static_cast<std::size_t>(end - at); };
  auto const before = open_;
  auto const length = [&] { return before + static_cast<std::size_t>(at - begin); };

  if (length() < kChunkSizeMin - kWindow) at += std::min(left(), kChunkSizeMin - kWindow - length());
  // The window fills; a match here would make the chunk too small.
  auto state = state_;
  if (length() < kChunkSizeMin - 1) {
    auto const* const stop = at + std::min(left(), kChunkSizeMin - 1 - length());
    for (; at != stop; ++at) state = step(state, *at);
  }
  bool cut = false;
  if (length() >= kChunkSizeMin - 1) {
    auto const found = [&](std::size_t skip) {
      at += skip;
      cut = true;
    };
    while (!cut && left() >= 8) {
      // Written out, since a loop-carried index would be one more step on the critical path.
      if ((state = step(state, at[0])) < kNoCut) { found(1); break; }
      if ((state = step(state, at[1])) < kNoCut) { found(2); break; }
      if ((state = step(state, at[2])) < kNoCut) { found(3); break; }
      if ((state = step(state, at[3])) < kNoCut) { found(4); break; }
      if ((state = step(state, at[4])) < kNoCut) { found(5); break; }
      if ((state = step(state, at[5])) < kNoCut) { found(6); break; }
      if ((state = step(state, at[6])) < kNoCut) { found(7); break; }
      if ((state = step(state, at[7])) < kNoCut) { found(8); break; }
      at += 8;
    }
    while (!cut && at != end) {
      state = step(state, *at++);
      cut = state < kNoCut;
    }
  }
  auto const taken = static_cast<std::size_t>(at - begin);
  if (cut || before + taken == kChunkSizeMax) {
    reset();
    return {taken, true};
  }
  state_ = state;
  open_ = static_cast<std::uint32_t>(before + taken);
  return {taken, false};
}

}  // namespace hubd::xet
