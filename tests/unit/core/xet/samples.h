// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "core/xet/hashes.h"
#include "core/xet/limits.h"
#include "core/xet/shard.h"
#include "core/xet/xorb_writer.h"

namespace hubd::xet {

using Buffer = std::vector<std::byte>;
using Rng = std::mt19937_64;

inline Buffer random_bytes(std::uint64_t seed, std::size_t size) {
  Rng rng(seed);
  Buffer bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(rng() & 0xffU);
  return bytes;
}

/// Counters of four bytes: what grouping is for.
inline Buffer counters(std::size_t size) {
  Buffer bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i / 4) >> (8 * (i % 4)) & 0xffU);
  return bytes;
}

inline std::size_t below(Rng& rng, std::size_t limit) {
  return static_cast<std::size_t>(rng() % limit);
}

inline std::vector<HashedSize> random_leaves(std::uint64_t seed, std::size_t count) {
  Rng rng(seed);
  std::vector<HashedSize> leaves(count);
  for (auto& leaf : leaves) {
    for (auto& byte : leaf.hash.bytes) byte = static_cast<std::byte>(rng() & 0xffU);
    leaf.size = 1 + below(rng, kChunkSizeMax);
  }
  return leaves;
}

/// A xorb of `count` chunks that pack in all ways.
inline XorbWriter::Xorb sample_xorb(std::uint64_t seed, std::size_t count, PackingPolicy policy) {
  Rng rng(seed);
  XorbWriter writer(policy);
  for (std::size_t i = 0; i < count; ++i) {
    auto const size = 1 + below(rng, i % 7 == 0 ? kChunkSizeMax : 3000);
    auto const chunk = i % 3 == 0   ? random_bytes(rng(), size)
                       : i % 3 == 1 ? counters(size)
                                    : Buffer(size, std::byte{7});
    writer.add(chunk, chunk_hash(chunk));
  }
  return writer.finish();
}

}  // namespace hubd::xet
