// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace hubd::localhub {

/// Bytes by position. Safe to read from several threads at once.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Copies bytes from `offset`; returns how many, 0 at the end. Fails: io, corrupt.
  virtual Result<std::size_t> read(Bytes offset, std::span<std::byte> out) const = 0;
};

/// The bytes of one file and every name git, LFS and the Hub have for them. Immutable.
struct Content {
  Bytes size = 0;
  std::string sha256;
  std::string git_sha1;      ///< as a regular file; empty above 64 MiB
  std::string pointer;       ///< the LFS pointer text
  std::string pointer_sha1;  ///< its git blob id
  std::string text;                           ///< the bytes, when neither of the next two is set
  std::filesystem::path file;                 ///< or where they are
  std::shared_ptr<ByteSource const> source;   ///< or what makes them

  /// Of use while this content lives. Fails: io.
  [[nodiscard]] Result<std::unique_ptr<ByteSource const>> open() const;
};
using ContentPtr = std::shared_ptr<Content const>;

/// The LFS pointer of an object: three lines.
std::string lfs_pointer(std::string const& sha256, Bytes size);

/// All file contents of the Hub by sha256: small ones in memory, large ones under `root`. Thread-safe.
class ContentStore {
 public:
  explicit ContentStore(std::filesystem::path root);

  ContentPtr from_text(std::string text);
  /// Copies (small) or links to the given file. Fails: io.
  Result<ContentPtr> from_file(std::filesystem::path const& path);
  /// `size` bytes of the splitmix64 stream of `seed`; kept on disk and reused by later runs. Fails: io.
  Result<ContentPtr> generated(Bytes size, std::uint64_t seed);
  /// Takes over a finished temporary file whose digest the caller computed. Fails: io.
  Result<ContentPtr> adopt(std::filesystem::path const& temporary, std::string const& sha256, Bytes size);
  /// Keeps bytes that something else stores.
  ContentPtr from_source(std::shared_ptr<ByteSource const> source, std::string const& sha256, Bytes size);
  [[nodiscard]] ContentPtr find(std::string const& sha256) const;
  /// A new name for an upload in progress.
  std::filesystem::path temporary();
  [[nodiscard]] std::filesystem::path const& root() const { return root_; }

 private:
  ContentPtr keep(std::shared_ptr<Content> content);
  std::filesystem::path root_;
  mutable std::mutex mutex_;
  std::map<std::string, ContentPtr> by_sha256_;  // guarded by mutex_
  std::uint64_t serial_ = 0;                     // guarded by mutex_
};

/// Fills `out` with the bytes of the splitmix64 stream of `seed` from `offset` (a multiple of 8) on.
void generate_bytes(std::uint64_t seed, Bytes offset, std::span<std::byte> out);

}  // namespace hubd::localhub
