// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/base/listing.h"
#include "core/base/random.h"
#include "core/base/repo.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// A folder of real files with huggingface_hub's metadata beside them (hub-files 11).
/// Blocking: call from the disk pool. Thread-safe for different paths.
class LocalDir {
 public:
  /// `folder` is absolute and belongs to the caller. `files`, `random` and `clock` outlive it.
  LocalDir(fs::FileSystem& files, Random& random, Clock const& clock, std::string folder);

  [[nodiscard]] std::string const& folder() const { return folder_; }
  [[nodiscard]] std::string file(std::string const& path) const { return folder_ + "/" + path; }

  struct Metadata {
    std::string commit;
    std::string etag;
  };
  struct Found {
    fs::Stat stat;                     ///< of <local_dir>/<path>
    std::optional<Metadata> metadata;  ///< only when valid: mtime - 1 <= timestamp
  };
  /// Nothing when the file is absent. Unparsable metadata is removed, as the stock client does.
  Result<std::optional<Found>> find(std::string const& path);
  /// Writes commit, etag and the time now as the file's metadata (under its lock), plus .gitignore and CACHEDIR.TAG.
  Result<void> note(std::string const& path, Commit const& commit, std::string const& etag);
  /// Puts verified bytes at <path> and notes them: moves `source` when `move` and a rename works, else copies it to a
  /// temporary name beside the metadata and renames that. Modes as for a new file (0666 & ~umask).
  Result<void> place(std::string const& path, Commit const& commit, std::string const& etag, std::string const& source, bool move);
  Result<std::optional<Listing>> read_tree(Commit const& commit);
  Result<void> write_tree(Commit const& commit, Listing const& listing);

 private:
  fs::FileSystem& files_;
  Random& random_;
  Clock const& clock_;
  std::string folder_;
};

}  // namespace hubd::cache
