// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/digest.h"
#include "core/base/listing.h"
#include "core/base/random.h"
#include "core/cache/layout.h"
#include "core/cache/shared_store.h"
#include "core/cache/shared_store_writer.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// One cache root as huggingface_hub lays it out: what it has, and how something new becomes visible.
///
/// Everything that others may be doing to the same folder at the same moment is expected: stock clients writing under
/// their lock protocol, deletions without any lock, an edited file. Nothing here hashes content: a file is *present*, and
/// whether its bytes are right is the caller's question.
///
/// Blocking: call from the disk pool. Thread-safe: holds no state but counters of temporary names. Failures of every
/// member: io, permission_denied, disk_full, and what is named.
class Cache {
 public:
  /// Of the stock shared blob store (>= 1.32).
  enum class SharedStoreUse : std::uint8_t {
    off,
    read,   ///< payloads with the wanted content are linked
    write,  ///< and what came by the Xet route is put into it
  };
  struct Options {
    std::string root;  ///< absolute, exists
    SharedStoreUse shared_store = SharedStoreUse::read;
  };
  /// `may_publish` is asked before every change below the root (the owner lock still holds?); its error stops the change.
  Cache(fs::FileSystem& files, Random& random, Options options, std::function<Result<void>()> may_publish);

  [[nodiscard]] Layout const& layout() const { return layout_; }

  // --- Names: refs, listings, known absences -----------------------------------------------------------------------
  /// refs/<revision>; nothing when absent or not 40 hex. A trailing newline is tolerated.
  Result<std::optional<Commit>> read_ref(RepoRef const& repo, std::string const& revision);
  /// Written as the stock client does (temporary + rename), skipped when equal. The snapshot folder is made along with it,
  /// since a ref without one marks the whole repo corrupted in stock scans. Nothing for a full commit.
  Result<void> write_ref(RepoRef const& repo, std::string const& revision, Commit const& commit);
  /// The one snapshot whose commit begins with `prefix` (at least 7 hex digits); nothing when none or several.
  Result<std::optional<Commit>> find_commit(RepoRef const& repo, std::string const& prefix);
  /// trees/<commit>.json (hub-files 9.7); nothing when absent, malformed, of another version or with a masked Xet hash.
  Result<std::optional<Listing>> read_tree(RepoRef const& repo, Commit const& commit);
  /// Complete listings only. Nothing is written when it holds a masked Xet hash, or when the file is there.
  Result<void> write_tree(RepoRef const& repo, Commit const& commit, Listing const& listing);
  /// .no_exist/<commit>/<path>: the Hub said that this file does not exist.
  Result<void> mark_absent(RepoRef const& repo, Commit const& commit, std::string const& path);
  Result<bool> marked_absent(RepoRef const& repo, Commit const& commit, std::string const& path);

  // --- What is there -----------------------------------------------------------------------------------------------
  /// A file of a snapshot that can be opened (links followed).
  struct Present {
    std::string blob;   ///< absolute path of the bytes' own name: blobs/<etag>, or the snapshot file itself when a stock
                        ///< client without symlinks moved or copied it there
    std::string etag;   ///< the name of the blob the pointer leads to; empty when the snapshot file is a regular file
    fs::Stat stat;      ///< of the bytes (final file)
  };
  /// Nothing when absent or dangling.
  Result<std::optional<Present>> find_file(RepoRef const& repo, Commit const& commit, std::string const& path);
  /// blobs/<etag> as a readable regular file, links followed; nothing when absent or dangling.
  Result<std::optional<fs::Stat>> find_blob(RepoRef const& repo, std::string const& etag);
  /// Every blobs/<etag> of every repo of the cache: (etag, absolute path). For the background look at what others wrote.
  Result<std::vector<std::pair<std::string, std::string>>> all_blobs();

  // --- Locks (hub-files 10) ----------------------------------------------------------------------------------------
  /// The repo's lock for one blob; null while somebody else holds it. Never waits. Fails: not_supported where flock lies.
  Result<std::unique_ptr<fs::Lock>> try_lock(RepoRef const& repo, std::string const& etag);
  /// Who holds it, for people: "pid 4242 (python3)", or "another process". Best effort, from /proc/locks.
  std::string lock_holder(RepoRef const& repo, std::string const& etag);

  // --- Publishing: the caller holds the blob's lock and has verified the bytes ---------------------------------------
  /// Makes the partial file at `partial_path` the blob by one rename, with mode 0666 & ~umask; replaces what is there.
  /// The bytes are synced before; the folder when sync() is called. Returns the blob's stat.
  Result<fs::Stat> publish_blob(RepoRef const& repo, std::string const& etag, std::string const& partial_path, fs::File& partial);
  /// Makes the blob another name of `holder` (hard link) when `hard`, else a copy (reflink where possible), by temporary +
  /// rename; replaces what is there. A rename onto another link of the same inode does nothing: that case counts as done.
  /// `still_good` is asked about the new file before it gets the blob's name; empty: not asked. Fails:
  /// local_entry_not_found when `holder` is gone; corrupt when it is not good any more.
  Result<fs::Stat> link_blob(RepoRef const& repo, std::string const& etag, std::string const& holder, bool hard,
                             std::function<bool(fs::Stat const&)> const& still_good = {});
  /// Makes a usable payload of the stock shared store (its name is the Xet hash) the blob, under the store's own lock
  /// protocol (8.7): by a hard link without a manifest entry; with SharedStoreUse::write as the stock client does, by a
  /// symlink. Nothing when there is none or it cannot be linked.
  Result<std::optional<fs::Stat>> link_from_shared_store(RepoRef const& repo, std::string const& etag,
                                                         std::string const& xet_hash, Bytes size);
  /// Moves the published, verified blob into the stock shared store (SharedStoreWriter::publish, also about `trusted`).
  /// Returns the payload's stat; nothing when it stays where it is: not wanted, or something stands in the way.
  Result<std::optional<fs::Stat>> share_blob(RepoRef const& repo, std::string const& etag, std::string const& xet_hash,
                                             Bytes size, std::function<bool(fs::Stat const&)> const& trusted);
  /// snapshots/<commit>/<path> -> blob, by temporary + rename; skipped when it is already that link. Makes folders and
  /// CACHEDIR.TAG. A regular file in its place is replaced.
  Result<void> write_pointer(RepoRef const& repo, Commit const& commit, std::string const& path, std::string const& etag);
  /// Removes a blob that turned out wrong, and nothing else. The caller holds the lock.
  Result<void> remove_blob(RepoRef const& repo, std::string const& etag);
  /// Makes all names published so far in this repo durable: fsync of blobs/ and of the snapshot's folders. What was deleted
  /// meanwhile is no failure.
  Result<void> sync(RepoRef const& repo, Commit const& commit);

 private:
  /// A name that does not exist yet, below .locks/, which no stock scan looks at: whatever a crash leaves there is never
  /// shown, and a link may be made there for later, since its text counts from where it ends.
  std::string scratch(RepoRef const& repo);
  /// The repo's folder with snapshots/ in it. It appears whole: a scan calls a repo without snapshots/ corrupted.
  Result<void> make_repo(RepoRef const& repo);
  /// Makes the folders that the following step needs.
  Result<void> make_folders(RepoRef const& repo, std::string const& folder);
  /// Mode of a new file: 0666 & ~umask. Measured once, since a daemon's umask stays.
  Result<mode_t> file_mode(RepoRef const& repo);
  /// Runs `step`, and again after making `folder` and the scratch folder whenever something was not there: others delete
  /// without locks.
  Result<void> with_folders(RepoRef const& repo, std::string const& folder, std::function<Result<void>()> const& step);
  /// Renames the file at `from` to the repo's blob. Nothing is left at `from`, unless it fails.
  Result<fs::Stat> rename_to_blob(RepoRef const& repo, std::string const& etag, std::string const& from);

  SharedStoreWriter store_writer(RepoRef const& repo);

  fs::FileSystem& files_;
  Random& random_;
  Options options_;
  Layout layout_;
  SharedStore store_;
  std::function<Result<void>()> may_publish_;
  std::atomic<int> file_mode_{-1};  // -1: not measured yet
};

}  // namespace hubd::cache
