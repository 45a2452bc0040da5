// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/store/chunk_index.h"

namespace hubd::store {

/// Chunks [first, end) of a xorb and where a content holds them, back to back from `offset` on.
struct HeldRun {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  std::string etag;
  Bytes offset = 0;
  std::vector<RecipeChunk> chunks;
};

/// What this host knows about the chunks of published contents: one recipe file per content, and an index derived from
/// them. Holds no content bytes: those are the published blobs. Losing the index costs a rebuild from the recipes; losing a
/// recipe costs its content's reuse until it is adopted again; neither loses data (docs/disk-format.md).
///
/// Blocking: call from the disk pool. Thread-safe.
class Store {
 public:
  /// `folder`: of the recipes; `database`: of the index, ":memory:" in tests. What the index lacks, all of it when it was
  /// lost, is added here from the recipes, and what has no recipe any more is taken out.
  static Result<std::unique_ptr<Store>> open(fs::FileSystem& files, std::string folder, std::string const& database);

  /// Fails: io, disk_full; then nothing is known of it.
  Result<void> add(Recipe const& recipe);
  /// Known places of chunks [first, end) of a xorb: disjoint, in order, confirmed by their recipes. Damaged recipes are
  /// forgotten on the way. Fails: io.
  Result<std::vector<HeldRun>> find(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end);
  /// Fails: local_entry_not_found, corrupt, io.
  Result<Recipe> read(std::string const& etag) const;
  [[nodiscard]] bool has(std::string const& etag) const;
  /// Does a recipe say where the Hub keeps the chunks?
  [[nodiscard]] bool names_terms(std::string const& etag) const;
  /// Of a content, as its recipe says. Fails: as RecipeFile::open.
  [[nodiscard]] Result<Bytes> size(std::string const& etag) const;
  /// Every content that has a recipe, sorted. Fails: io.
  [[nodiscard]] Result<std::vector<std::string>> etags() const;
  /// Contents whose chunks are known by their bytes only, the latest first. Fails: io.
  [[nodiscard]] Result<std::vector<std::string>> unnamed() const { return index_->unnamed(64); }
  Result<void> forget(std::string const& etag);
  /// Forgets contents of which `stands` says no. Returns how many. Long.
  Result<std::uint64_t> collect(std::function<bool(std::string const& etag)> const& stands);
  // To make the index anew: drop it, then index each of etags() again. Meanwhile less is found, and nothing wrong.
  Result<void> drop_index();
  /// Chunks of the recipe. A damaged recipe is removed: local_entry_not_found. Fails: io, disk_full.
  Result<std::uint64_t> index_again(std::string const& etag);

  struct Totals : ChunkIndex::Totals {
    Bytes recipe_bytes = 0;
    Bytes index_bytes = 0;
    std::uint64_t distinct = 0;  ///< chunks that differ
    bool estimated = false;      ///< from a sample: exact up to kCountedMax chunks
  };
  static constexpr std::uint64_t kCountedMax = 1'000'000;
  /// Reads recipes. Long.
  [[nodiscard]] Result<Totals> totals() const;

 private:
  Store(fs::FileSystem& files, std::string folder, std::string database, std::unique_ptr<ChunkIndex> index)
      : files_(files), folder_(std::move(folder)), database_(std::move(database)), index_(std::move(index)) {}
  [[nodiscard]] std::string path(std::string const& etag) const { return folder_ + "/" + etag.substr(0, 2) + "/" + etag + ".recipe"; }
  [[nodiscard]] Result<HeldRun> confirm(ChunkIndex::Run const& run, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const;
  Result<void> catch_up();
  [[nodiscard]] Result<std::uint64_t> count_distinct() const;
  Result<void> each(std::function<Result<void>(std::string const& etag, std::string const& path)> const& visit) const;

  fs::FileSystem& files_;
  std::string folder_;
  std::string database_;
  std::unique_ptr<ChunkIndex> index_;
  std::mutex changing_;  // a recipe and its rows in the index change together
};

}  // namespace hubd::store
