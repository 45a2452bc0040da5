// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/repo.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// A file of a snapshot.
struct ScannedFile {
  std::string path;       ///< inside the snapshot
  std::string pointer;    ///< absolute path of the snapshot's own entry
  std::string blob;       ///< absolute path one hop further: normally blobs/<etag>; the entry itself when it is no link
  std::string shared_payload;  ///< Xet hash, when the blob is a link into the stock shared store
  fs::Stat stat;          ///< of the bytes
};

struct ScannedRevision {
  std::string commit;                ///< the folder's name
  std::string snapshot;              ///< absolute path
  std::vector<std::string> refs;     ///< relative to refs/: "main", "refs/pr/1"; sorted. Empty: detached
  std::vector<ScannedFile> files;    ///< sorted by path
  Bytes size = 0;                    ///< of its unique blobs
  WallTime modified;
};

struct ScannedRepo {
  RepoType type = RepoType::model;
  std::string id;
  std::string path;                        ///< absolute
  std::vector<ScannedRevision> revisions;  ///< sorted by commit
  std::uint64_t blobs = 0;                 ///< unique blobs of its snapshots
  Bytes size = 0;                          ///< of its unique blobs
  WallTime accessed;
  WallTime modified;
};

struct IncompleteFile {
  std::string path;  ///< absolute
  Bytes size = 0;
};

/// A payload of the stock shared store that nobody uses any more.
struct UnusedPayload {
  std::string hash;
  Bytes size = 0;
};

/// What a cache root holds, as huggingface_hub's own scan tells it (hub-files 14.1).
struct Scan {
  std::string root;
  Bytes size = 0;                      ///< physical: bytes with several names count once; unused payloads are included
  std::vector<ScannedRepo> repos;      ///< sorted by type, then id
  std::vector<std::string> warnings;   ///< one per repo or stray entry that was left out, in the stock texts
  std::vector<IncompleteFile> incomplete;  ///< `*.incomplete` in blobs/ folders, sorted
  std::vector<UnusedPayload> unused_payloads;
};

/// Reads names and stats only. A repo whose snapshots lie behind a link is left out, since nothing outside the root is ours. What vanishes meanwhile is left out. Blocking: call from the disk pool.
/// Fails: local_entry_not_found (no such root), bad_request (the root is a file), io, permission_denied.
Result<Scan> scan(fs::FileSystem& files, std::string const& root);

}  // namespace hubd::cache
