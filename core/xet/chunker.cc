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

/// The end of the first chunk that ends in [at, end), nothing when none does. `state` is of the bytes before `at`.
std::byte const* find_cut(std::byte const* at, std::byte const* end, std::uint64_t& state) {
  // Each step waits for the one before; unrolled, that is all that is waited for.
  constexpr std::ptrdiff_t kUnrolled = 8;
  auto now = state;
  for (; end - at >= kUnrolled; at += kUnrolled) {
#pragma GCC unroll 8
    for (std::ptrdiff_t i = 0; i < kUnrolled; ++i) {
      now = step(now, at[i]);
      if (now < kNoCut) return at + i + 1;
    }
  }
  for (; at != end; ++at) {
    now = step(now, *at);
    if (now < kNoCut) return at + 1;
  }
  state = now;
  return nullptr;
}

}  // namespace

Chunker::Step Chunker::next(std::span<std::byte const> data) {
  auto const* const begin = data.data();
  auto const* at = begin;
  auto const* const end = begin + std::min<std::size_t>(data.size(), kChunkSizeMax - open_);
  auto const left = [&] { return static_cast<std::size_t>(end - at); };
  auto const length = [&] { return open_ + static_cast<std::size_t>(at - begin); };

  if (length() < kChunkSizeMin - kWindow) at += std::min(left(), kChunkSizeMin - kWindow - length());
  auto state = state_;
  if (length() < kChunkSizeMin - 1) {
    // The window fills; a match here would make the chunk too small.
    auto const* const stop = at + std::min(left(), kChunkSizeMin - 1 - length());
    for (; at != stop; ++at) state = step(state, *at);
  }
  auto const* const cut = length() >= kChunkSizeMin - 1 ? find_cut(at, end, state) : nullptr;
  auto const taken = static_cast<std::size_t>((cut != nullptr ? cut : end) - begin);
  if (cut != nullptr || open_ + taken == kChunkSizeMax) {
    reset();
    return {taken, true};
  }
  state_ = state;
  open_ += static_cast<std::uint32_t>(taken);
  return {taken, false};
}

}  // namespace hubd::xet
