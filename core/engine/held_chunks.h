// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/context.h"
#include "core/transfer/chunk_holder.h"

namespace hubd::engine {

/// A place of a content, by one of its names.
struct Place {
  std::string path;
  fs::Stat stat;
};

/// Chunks inside verified files, by the store's recipes and the ledger's places. Lives as long as the engine.
class HeldChunks final : public transfer::ChunkHolder {
 public:
  explicit HeldChunks(Context& context) : context_(context) {}

  std::vector<store::HeldRun> find(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) override;
  std::unique_ptr<fs::File> open(std::string const& etag) override;
  /// The place that open() gave counts as wrong from now on, so that the next who wants it fetches it again; unless it was
  /// the recipe that is damaged.
  void distrust(std::string const& etag) override;

  /// Of a place where some chunks are wrong the others can be had all the same, for repairing it above all: it is read from where
  /// no whole place stands, for as long as hubd runs. Its recipe must not name the wrong ones any more.
  void keep_damaged(std::string const& etag, Place place);
  /// While it lives, open() looks at `path` too: the content's private file is about to move there, and the ledger does not know
  /// of it yet. Whoever copies from it in that moment would else hold it for gone and fetch the same bytes once more.
  class Moving {
   public:
    Moving(HeldChunks& held, std::string etag, std::string path);
    ~Moving();
    Moving(Moving const&) = delete;
    Moving& operator=(Moving const&) = delete;

   private:
    HeldChunks& held_;
    std::string etag_;
  };

  /// The paths that open() would read a published content from.
  [[nodiscard]] std::vector<std::string> paths(std::string const& etag) const;

 private:
  static constexpr std::size_t damaged_max = 1000;
  [[nodiscard]] std::optional<Place> damaged(std::string const& etag) const;
  [[nodiscard]] std::string moving(std::string const& etag) const;
  [[nodiscard]] std::unique_ptr<fs::File> opened(std::string const& path) const;
  Context& context_;
  mutable std::mutex mutex_;
  std::map<std::string, Place> damaged_;  // by content; under mutex_
  std::map<std::string, std::string> moving_;  // paths, by content; under mutex_
};

/// Places whose bytes still are those that were hashed, each inode once, the newest first; `changed`: of the others that are
/// there. Blocking.
std::vector<Place> standing_places(Context& context, std::string const& etag, std::uint64_t* changed = nullptr);

/// Forgets recipes of contents that stand nowhere any more. Blocking and long.
Result<std::uint64_t> collect_recipes(Context& context);

}  // namespace hubd::engine
