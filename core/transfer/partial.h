// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/digest.h"
#include "core/fs/file_system.h"
#include "core/hash/hasher.h"
#include "core/transfer/extent_set.h"
#include "core/xet/merkle_hash.h"

namespace hubd::transfer {

struct MapRecord;  // map_format.h

/// One chunk of a Xet file as it was written.
struct WrittenChunk {
  std::uint32_t length = 0;
  xet::MerkleHash hash;
};

/// One file's private, unpublished bytes, and the map of what is written: `<folder>/<etag>.partial` and `<etag>.map`.
///
/// The map is append-only: a checksummed header (format, etag, size), then one checksummed record (offset, length, BLAKE3
/// of the bytes) per write, appended after the bytes were written. It is never synced and never trusted: open() reads back
/// what it claims and keeps what hashes to it, so a crash or lost power costs bytes, never correctness
/// (docs/disk-format.md).
///
/// Blocking: call from the disk pool. write() and read() are safe from many threads at once; the rest is not.
class Partial {
 public:
  /// Opens or makes the pair. `frontier` (fresh, for this id and size; or null) is fed with the verified bytes that lead from
  /// 0, so that they are read once. A map of another size, version or etag, or a torn one, is cut or begun anew.
  /// Fails: disk_full, io, permission_denied.
  static Result<std::unique_ptr<Partial>> open(fs::FileSystem& files, std::string const& folder, ContentId const& id, Bytes size,
                                               hash::ContentHasher* frontier);
  ~Partial();

  [[nodiscard]] Bytes size() const { return size_; }
  [[nodiscard]] std::string const& path() const { return path_; }
  [[nodiscard]] fs::File& file() { return *file_; }
  /// What is written, sorted, disjoint, merged.
  [[nodiscard]] std::vector<Extent> present() const;
  [[nodiscard]] Bytes present_bytes() const;
  /// The gaps, sorted, none longer than `length_max`.
  [[nodiscard]] std::vector<Extent> missing(Bytes length_max) const;
  /// Allocates the whole file, so that no write fails for lack of space. Fails: disk_full, io.
  Result<void> reserve();
  /// Writes and notes. Fails: disk_full, io; then the bytes count as not written.
  Result<void> write(Bytes offset, std::span<std::byte const> data);
  /// The same for bytes that are consecutive whole chunks of a Xet file.
  Result<void> write_chunks(Bytes offset, std::span<std::byte const> data, std::span<WrittenChunk const> chunks);
  /// What open() found of chunks: (offset, chunk), in the order of the file. For one call.
  [[nodiscard]] std::vector<std::pair<Bytes, WrittenChunk>> take_chunks() { return std::move(chunks_); }
  /// Reads what is written. Fails: io.
  Result<Bytes> read(Bytes offset, std::span<std::byte> out) const;
  /// Forgets every byte (after the whole file hashed wrong).
  Result<void> reset();
  /// Removes both files; also to be called after the partial was renamed away, to remove the map.
  Result<void> discard();

  /// Where the bytes of a content that is under way stand.
  static std::string path_of(std::string const& folder, std::string const& etag);

  /// What a folder of partials holds: (etag, bytes on disk, mtime in ns). Files that are no partials are left out.
  struct Entry {
    std::string etag;
    Bytes allocated = 0;
    std::int64_t mtime_ns = 0;
  };
  static Result<std::vector<Entry>> list(fs::FileSystem& files, std::string const& folder);
  /// Removes a pair by name, whatever its state.
  static Result<void> remove(fs::FileSystem& files, std::string const& folder, std::string const& etag);
  /// Bytes that the map of `<etag>` claims, without reading them back: for plans. 0 when there is none or it is unusable.
  static Bytes claimed(fs::FileSystem& files, std::string const& folder, std::string const& etag, Bytes size);
  /// The same as extents; only whole chunks of a Xet file.
  static ExtentSet claimed_chunks(fs::FileSystem& files, std::string const& folder, std::string const& etag, Bytes size);

 private:
  Partial(fs::FileSystem& files, std::string const& folder, ContentId id, Bytes size);
  Result<void> open_files(std::string const& folder);
  Result<void> recover(hash::ContentHasher* frontier);
  Result<void> write_noted(Bytes offset, std::span<std::byte const> data, std::vector<MapRecord> const& records);
  Result<void> begin_anew();
  Result<void> note(std::vector<MapRecord> const& records);

  fs::FileSystem& files_;
  ContentId id_;
  Bytes size_;
  std::string path_;
  std::string map_path_;
  std::unique_ptr<fs::File> file_;
  std::unique_ptr<fs::File> map_;
  mutable std::mutex mutex_;  // guards map_end_ and present_
  Bytes map_end_ = 0;
  ExtentSet present_;
  std::vector<std::pair<Bytes, WrittenChunk>> chunks_;
};

}  // namespace hubd::transfer
