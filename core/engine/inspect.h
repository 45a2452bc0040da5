// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <string>

#include "core/base/listing.h"
#include "core/cache/cache.h"
#include "core/engine/ledger.h"
#include "core/store/store.h"

namespace hubd::engine {

/// How one wanted file stands in the cache now.
struct Seen {
  enum class State : std::uint8_t {
    absent,
    verified,    ///< hubd hashed these very bytes
    unverified,  ///< there, of the right size, written by others
    edited,      ///< hubd knew this inode, and it has changed: to be hashed before it is used
    wrong,       ///< of another size, or known to hash to something else
  };
  State state = State::absent;
  bool pointer = false;  ///< the snapshot's own name leads to it
  std::string blob;      ///< absolute path of the bytes' own name
  fs::Stat stat;

  [[nodiscard]] bool usable(bool require_verified) const {
    return state == State::verified || (state == State::unverified && !require_verified);
  }
};

/// Foreign bytes so few that hashing them costs no more than asking twice; larger ones are hashed in the background.
inline bool hashed_at_once(ListedFile const& file) { return file.size <= 4_MiB; }

/// Looks at one file of a snapshot, or at its blob. Blocking. Fails: io, permission_denied.
Result<Seen> look_at(cache::Cache& cache, Ledger const& ledger, RepoRef const& repo, Commit const& commit, ListedFile const& file);

/// Judges bytes at `stat` against what they should be.
Seen::State judge(Ledger const& ledger, fs::Stat const& stat, ListedFile const& file);

/// Nobody wrote to the file between the two looks, as far as a stat tells.
bool same_bytes(fs::Stat const& a, fs::Stat const& b);

/// Hashes a file and records the verdict. False: other bytes than `etag` says. Blocking and long: the hashing pool.
/// Fails: local_entry_not_found, io; busy when the file changed meanwhile; cancelled within one block once `stop` is set.
/// With a `store`, the chunks of a large LFS content that is right are learned on the way (ChunkLesson).
Result<bool> hash_file(fs::FileSystem& files, Ledger& ledger, store::Store* store, std::string const& path, std::string const& etag,
                       std::atomic<bool> const& stop);

/// Is this path `<root>/<repo folder>/blobs/<name>`? Only such files are nobody's to edit, and may share their inode.
bool is_blob_path(std::string const& root, std::string_view path);

/// A verified place of this content other than `except`, whose stat still is what was hashed. Empty: none.
/// Places that are gone are forgotten. Blocking.
std::string find_holder(fs::FileSystem& files, Ledger& ledger, ListedFile const& file, std::string const& except);

}  // namespace hubd::engine
