// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include "core/store/recipe.h"

namespace hubd::support {

/// A host's contents without their bytes, as recipes: content N is a pure function of N, so that a hundred million chunks need
/// no memory. Sizes are those of a model cache (a few MB to several GB); a content is made of xorbs of its own and, mostly,
/// of runs of xorbs that earlier contents brought, as revisions and fine-tunes are.
class GeneratedContents {
 public:
  /// Chunks in a run that is shared with an earlier content, on average. Smaller: more terms per chunk.
  explicit GeneratedContents(std::uint32_t shared_run = 108) : shared_run_(shared_run) {}

  /// At most `chunks_max` chunks.
  [[nodiscard]] store::Recipe content(std::uint64_t number, std::uint64_t chunks_max) const;

  static std::string etag(std::uint64_t number);
  /// Xorb `index` that content `number` brought.
  static xet::MerkleHash xorb(std::uint64_t number, std::uint64_t index);
  static store::RecipeChunk chunk(xet::MerkleHash const& xorb, std::uint32_t index);

 private:
  std::uint32_t shared_run_;
};

}  // namespace hubd::support
