// SPDX-License-Identifier: Apache-2.0
#include "tests/support/generated_contents.h"

#include <algorithm>
#include <array>
#include <memory>

#include "core/base/random.h"
#include "core/xet/limits.h"

namespace hubd::support {
namespace {

constexpr std::uint32_t kXorbChunks = 1024;  // 64 MB of the usual chunks
constexpr std::uint64_t kShared = 4;         // runs of earlier contents per own xorb

std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

xet::MerkleHash hash_of(std::uint64_t seed) {
  xet::MerkleHash hash;
  for (std::size_t word = 0; word < 4; ++word) {
    auto const value = mix(seed + word);
    for (std::size_t i = 0; i < 8; ++i) hash.bytes[word * 8 + i] = static_cast<std::byte>(value >> (8 * i));
  }
  return hash;
}

std::uint64_t chunks_of(std::uint64_t number) {
  static constexpr std::array<std::uint64_t, 10> classes{50, 50, 50, 50, 1000, 1000, 1000, 8000, 8000, 75000};
  auto const drawn = mix(number * 3 + 1);
  auto const middle = classes[drawn % classes.size()];
  return middle / 2 + (drawn >> 32U) % middle;
}

}  // namespace

std::string GeneratedContents::etag(std::uint64_t number) { return hash_of(mix(number) ^ 0x65U).text(); }

xet::MerkleHash GeneratedContents::xorb(std::uint64_t number, std::uint64_t index) {
  return hash_of(mix(number * 1'000'003 + index) ^ 0x78U);
}

store::RecipeChunk GeneratedContents::chunk(xet::MerkleHash const& xorb, std::uint32_t index) {
  auto const seed = mix(xorb.word(2) + index);
  auto const span = xet::kChunkSizeMax - xet::kChunkSizeMin;
  return {hash_of(seed), static_cast<std::uint32_t>(xet::kChunkSizeMin + seed % span)};
}

store::Recipe GeneratedContents::content(std::uint64_t number, std::uint64_t chunks_max) const {
  auto const random = seeded_random(mix(number));
  store::Recipe made{*ContentId::parse(etag(number)), hash_of(mix(number) ^ 0x66U), 0, {}, {}};
  auto left = std::min(chunks_of(number), chunks_max);
  made.chunks.reserve(left);
  for (std::uint64_t own = 0; left > 0;) {
    store::RecipeTerm term;
    if (number == 0 || own == 0 || random->next() % (kShared + 1) == 0) {
      term = {xorb(number, own++), 0, static_cast<std::uint32_t>(std::min<std::uint64_t>(left, kXorbChunks))};
    } else {
      auto const earlier = random->next() % number;
      auto const length = std::min<std::uint64_t>({left, 1 + random->next() % (2 * shared_run_), kXorbChunks});
      auto const first = random->next() % (kXorbChunks - length + 1);
      auto const index = random->next() % (chunks_of(earlier) / kXorbChunks + 1);
      term = {xorb(earlier, index), static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(first + length)};
    }
    for (auto i = term.first; i < term.end; ++i) {
      made.chunks.push_back(chunk(term.xorb, i));
      made.size += made.chunks.back().length;
    }
    left -= term.end - term.first;
    made.terms.push_back(term);
  }
  return made;
}

}  // namespace hubd::support
