// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/context.h"
#include "core/transfer/chunk_holder.h"

namespace hubd::engine {

/// Chunks inside verified files, by the store's recipes and the ledger's places. Lives as long as the engine.
class HeldChunks final : public transfer::ChunkHolder {
 public:
  explicit HeldChunks(Context& context) : context_(context) {}

  std::vector<store::HeldRun> find(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) override;
  std::unique_ptr<fs::File> open(std::string const& etag) override;
  /// The place that open() gave counts as wrong from now on, so that the next who wants it fetches it again; unless it was
  /// the recipe that is damaged.
  void distrust(std::string const& etag) override;

 private:
  Context& context_;
};

/// A place of a content, by one of its names.
struct Place {
  std::string path;
  fs::Stat stat;
};
/// Places whose bytes still are those that were hashed, each inode once, the newest first; `changed`: of the others that are
/// there. Blocking.
std::vector<Place> standing_places(Context& context, std::string const& etag, std::uint64_t* changed = nullptr);

/// Forgets recipes of contents that stand nowhere any more. Blocking and long.
Result<std::uint64_t> collect_recipes(Context& context);

}  // namespace hubd::engine
