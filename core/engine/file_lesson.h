// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "core/engine/adoption.h"
#include "core/fs/buffer.h"
#include "core/hash/hasher.h"

namespace hubd::engine {

/// Learns a file of whatever name: its SHA-256 and its chunks, in pieces, so that others have their turn in between.
/// Blocking, one thread at a time.
class FileLesson {
 public:
  /// Never through a symlink. Fails: local_entry_not_found, permission_denied, io; bad_request unless a regular file.
  static Result<std::unique_ptr<FileLesson>> open(fs::FileSystem& files, std::string path);

  [[nodiscard]] Bytes size() const { return before_.size; }
  [[nodiscard]] Bytes done() const { return at_; }
  /// Reads on, `most` bytes at most; how many. 0: the end. Fails: io.
  Result<Bytes> read(Bytes most);
  struct Learned {
    std::string sha256;
    std::string xet;  ///< the Xet file id, as text
    std::uint64_t chunks = 0;
  };
  /// After the end: notes where the content stands and its recipe, named by its SHA-256. Call once.
  /// Fails: busy when the file changed meanwhile; io, disk_full.
  Result<Learned> finish(Ledger& ledger, store::Store& store);

 private:
  FileLesson(std::string path, std::unique_ptr<fs::File> file, fs::Stat const& before);
  std::string path_;
  std::unique_ptr<fs::File> file_;
  fs::Stat before_;
  Bytes at_ = 0;
  fs::Buffer buffer_;
  hash::Sha256Hasher hasher_;
  ChunkLesson lesson_;
};

}  // namespace hubd::engine
