// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/digest.h"
#include "core/base/result.h"
#include "core/fs/file_system.h"
#include "core/xet/merkle_hash.h"

namespace hubd::store {

struct RecipeChunk {
  xet::MerkleHash hash;
  std::uint32_t length = 0;
  friend bool operator==(RecipeChunk const&, RecipeChunk const&) = default;
};

/// Which chunks of a xorb the next `end - first` chunks of the content are. The zero xorb: not known of these.
struct RecipeTerm {
  xet::MerkleHash xorb;
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  friend bool operator==(RecipeTerm const&, RecipeTerm const&) = default;
};

/// How a content is made of chunks, and where the Hub keeps them: what a published blob is to the chunk store.
struct Recipe {
  ContentId id;
  xet::MerkleHash file;  ///< its Xet file id
  Bytes size = 0;
  std::vector<RecipeTerm> terms;    ///< of all chunks, in order; none when nobody said where the Hub keeps them
  std::vector<RecipeChunk> chunks;  ///< lengths add up to `size`
};

// The bytes of `<etag>.recipe`, as docs/disk-format.md describes them. 36 bytes per chunk, 48 per term.

inline constexpr Bytes kRecipeHeaderSize = 256;
inline constexpr Bytes kRecipeTermSize = 48;
inline constexpr Bytes kRecipeChunkSize = 36;

std::string encode_recipe(Recipe const& recipe);
/// All of a recipe, checked. Fails: corrupt.
Result<Recipe> parse_recipe(std::span<std::byte const> bytes);

/// One recipe on disk, read in parts: a lookup needs a few chunks of many. Blocking, one thread at a time.
class RecipeFile {
 public:
  /// Fails: local_entry_not_found, io; corrupt when its header is damaged or of another content than `etag`.
  static Result<RecipeFile> open(fs::FileSystem& files, std::string const& path, std::string const& etag);
  [[nodiscard]] Bytes size() const { return size_; }  ///< of the content
  [[nodiscard]] std::uint32_t terms() const { return terms_; }
  [[nodiscard]] std::uint32_t chunks() const { return chunks_; }
  /// Fails: corrupt when there is no such term or chunk, or the file was cut; io.
  Result<RecipeTerm> term(std::uint32_t number) const;
  Result<std::vector<RecipeChunk>> chunks(std::uint32_t first, std::uint32_t count) const;

 private:
  RecipeFile(std::unique_ptr<fs::File> file, Bytes size, std::uint32_t terms, std::uint32_t chunks)
      : file_(std::move(file)), size_(size), terms_(terms), chunks_(chunks) {}
  std::unique_ptr<fs::File> file_;
  Bytes size_;
  std::uint32_t terms_;
  std::uint32_t chunks_;
};

}  // namespace hubd::store
