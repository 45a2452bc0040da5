// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/db/database.h"
#include "core/fs/file_system.h"
#include "core/store/recipe.h"

namespace hubd::store {

/// Which recipe holds which chunk: by place in a xorb, and by a sample of the chunks' hashes. Derived from the recipes and
/// disposable; truncated keys, so every hit is confirmed against its recipe (docs/disk-format.md, chunks.db).
///
/// Blocking: call from the disk pool. Thread-safe.
class ChunkIndex {
 public:
  /// Chunks of a content that stand at a place of a xorb.
  struct Run {
    std::string etag;
    std::uint32_t term = 0;     ///< of the recipe, which has the whole xorb hash
    std::uint32_t first = 0;    ///< in the xorb, [first, end)
    std::uint32_t end = 0;
    std::uint32_t ordinal = 0;  ///< in the content, of chunk `first`
    Bytes offset = 0;           ///< in the content, of chunk `first`
  };
  struct Place {
    std::string etag;
    std::uint32_t ordinal = 0;
  };

  /// `path`: the file, or ":memory:". A file that is no database or of a newer hubd is begun anew.
  static Result<std::unique_ptr<ChunkIndex>> open(fs::FileSystem& files, std::string const& path);
  ~ChunkIndex();

  /// Replaces what is known of that content. Fails: io, disk_full.
  Result<void> add(Recipe const& recipe);
  Result<void> remove(std::string const& etag);
  /// (Never asked for the zero xorb.) Runs that overlap chunks [first, end) of a xorb, the longest first. Fails: io.
  [[nodiscard]] Result<std::vector<Run>> runs(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const;
  /// Contents that may hold a chunk; only sampled chunks are found: see is_sampled(). Fails: io.
  [[nodiscard]] Result<std::vector<Place>> places(xet::MerkleHash const& chunk) const;
  /// One chunk in eight is found by its hash; what stands beside it is found through the recipe.
  static constexpr std::uint64_t kSampledOneIn = 8;
  static bool is_sampled(xet::MerkleHash const& chunk) { return chunk.modulo(kSampledOneIn) == 0; }

  /// Removes what contents that are gone left behind. Long, in parts: lookups come in between.
  Result<void> tidy();

  /// Drops all of it, the file too, and begins anew: the way out of any damage. Fails: io, disk_full.
  Result<void> reset();
  /// The etags that are in it, sorted. Fails: io.
  [[nodiscard]] Result<std::vector<std::string>> contents() const;
  /// How many different chunks the samples know. Fails: io.
  [[nodiscard]] Result<std::uint64_t> distinct_samples() const;
  /// Contents of which nobody said where the Hub keeps their chunks; the latest first, at most `count`.
  [[nodiscard]] Result<std::vector<std::string>> unnamed(std::size_t count) const;
  struct Totals {
    std::uint64_t contents = 0;
    std::uint64_t chunks = 0;
    Bytes bytes = 0;
  };
  [[nodiscard]] Result<Totals> totals() const;

 private:
  ChunkIndex(fs::FileSystem& files, std::string path);
  Result<void> open_database(std::string const& path);
  Result<void> prepare();
  Result<void> add_rows(Recipe const& recipe);
  Result<void> remove_rows(std::string const& etag);
  struct Statements;

  fs::FileSystem& files_;
  std::string path_;
  mutable std::mutex mutex_;  // guards the database and its statements
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace hubd::store
