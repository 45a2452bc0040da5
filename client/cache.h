// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "caller.h"

namespace hubd::client {

struct CachedFile {
  std::string path;
  std::string blob_path;
  std::uint64_t size = 0;
  std::int64_t accessed_unix = 0;
  std::int64_t modified_unix = 0;
};

struct CachedRevision {
  std::string commit;
  std::string snapshot_path;
  std::vector<std::string> refs;
  std::uint64_t size = 0;
  std::int64_t modified_unix = 0;
  std::vector<CachedFile> files;
};

struct CachedRepo {
  RepoType type = RepoType::model;
  std::string id;
  std::string path;
  std::uint64_t size = 0;
  std::uint64_t files = 0;
  std::int64_t accessed_unix = 0;
  std::int64_t modified_unix = 0;
  std::vector<CachedRevision> revisions;
};

struct CacheScan {
  std::string cache_dir;
  std::uint64_t size = 0;  ///< physical: a shared payload counts once
  std::vector<CachedRepo> repos;
  std::vector<std::string> warnings;
  std::vector<std::string> incomplete_files;
};

struct RemoveRequest {
  Caller caller;
  std::vector<std::string> targets;  ///< "model/ns/name", "hf://..." or a full commit
  bool dry_run = false;
};

struct RemovedRepo {
  RepoType type = RepoType::model;
  std::string id;
  bool entire = false;
  std::vector<CachedRevision> revisions;
};

struct Removal {
  std::uint64_t repos_deleted = 0;
  std::uint64_t revisions_deleted = 0;
  std::uint64_t files_deleted = 0;
  std::uint64_t bytes_freed = 0;
  std::vector<RemovedRepo> repos;
  std::vector<std::string> unknown_targets;
  std::vector<std::string> problems;  ///< one sentence for each path that could not be removed
};

struct PruneRequest {
  Caller caller;
  bool dry_run = false;
};

struct Pruned {
  std::uint64_t revisions_deleted = 0;
  std::uint64_t incomplete_deleted = 0;
  std::uint64_t shared_blobs_deleted = 0;
  std::uint64_t bytes_freed = 0;
  std::vector<RemovedRepo> repos;
  std::vector<std::string> problems;  ///< one sentence for each path that could not be removed
};

struct VerifyRequest {
  Caller caller;
  Repo repo;
  std::string local_dir;  ///< absolute; "": the cache
};

struct VerifiedFile {
  std::string path;
  std::string expected;
  std::string actual;
  std::string state;  ///< ok, mismatch, missing, extra
};

struct Verification {
  std::string commit;
  std::string path;  ///< that was checked
  std::uint64_t checked = 0;
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::vector<VerifiedFile> mismatches;
};

/// Each file as it is checked, on the thread that called verify_cache().
using VerifyListener = std::function<void(VerifiedFile const&)>;

}  // namespace hubd::client
