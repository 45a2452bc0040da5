// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "core/base/random.h"
#include "core/cache/shared_store.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// Fills the stock shared store as huggingface_hub >= 1.32 does (hub-files 8.7), so that its next download of the same content
/// asks the Hub for nothing. The repo blob becomes a symlink to the payload; a line in the payload's manifest names it.
///
/// Whatever stands in the way (a folder `blobs` that is no store, a payload that somebody works on, a group that cannot be
/// given) leaves the repo blob as it was. The caller holds the blob's own lock, which comes before the store's.
/// Blocking, thread-safe, holds no state.
class SharedStoreWriter {
 public:
  struct Entry {
    std::string hash;  ///< Xet file id, 64 hex digits
    Bytes size = 0;
    std::string blob;  ///< absolute path of the repo blob, below the root
  };
  /// `root` is the cache root. `scratch` gives a path on its file system that does not exist and that no stock tool looks at.
  SharedStoreWriter(fs::FileSystem& files, Random& random, std::string root, std::function<std::string()> scratch)
      : files_(files), random_(random), root_(std::move(root)), store_(files_, root_), scratch_(std::move(scratch)) {}

  /// Makes the blob, whose bytes are verified and synced, the payload; makes the store when there is none. A payload that
  /// stands already is kept if `trusted` says so of it, else replaced. An inode that has other names is copied first, since a
  /// payload gets a mode of its own. False: the blob stays as it is. Fails: io, permission_denied, disk_full.
  Result<bool> publish(Entry const& entry, std::function<bool(fs::Stat const&)> const& trusted);
  /// Makes the blob, which may be absent, a symlink to the payload that stands. False: there is no usable one.
  Result<bool> refer(Entry const& entry);

 private:
  Result<bool> make_store();
  /// The payload's folder. False: no store of the version we know.
  Result<bool> make_shelf(std::string_view hash);
  Result<void> move_in(Entry const& entry, fs::Stat const& own);
  /// Appends the blob's line to the manifest, then gives the blob's name to a link.
  Result<void> point(Entry const& entry);
  Result<void> add_reference(Entry const& entry);
  Result<void> set_payload_rights(std::string const& path, fs::Stat const& shelf);

  fs::FileSystem& files_;
  Random& random_;
  std::string root_;
  SharedStore store_;
  std::function<std::string()> scratch_;
};

}  // namespace hubd::cache
