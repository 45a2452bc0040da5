// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/repo.h"
#include "core/engine/engine.h"
#include "core/net/async.h"

namespace hubd::engine {

/// What this host knows about chunks, and what it costs to know it.
struct StoreStats {
  std::uint64_t recipes = 0;
  std::uint64_t chunks = 0;           ///< of all recipes
  std::uint64_t chunks_distinct = 0;
  bool distinct_estimated = false;
  Bytes content_bytes = 0;            ///< of the contents that have a recipe
  Bytes recipe_bytes = 0;
  Bytes index_bytes = 0;
  Bytes bytes_reused = 0;             ///< since the engine was started
  std::uint64_t adoptable = 0;        ///< blobs of the cache that could have a recipe and have none
  Bytes adoptable_bytes = 0;
  std::uint64_t pending = 0;          ///< files that wait to be read in the background
};

struct StoreProgress {
  std::uint64_t files_done = 0;
  std::uint64_t files_total = 0;
  Bytes bytes_done = 0;
  Bytes bytes_total = 0;
  std::string path;  ///< that is read just now
};

struct StoreRebuilt {
  std::uint64_t recipes = 0;
  std::uint64_t chunks = 0;
  std::uint64_t damaged = 0;    ///< recipes that were of no use and are gone
  std::uint64_t adoptable = 0;  ///< blobs without a recipe, which are read in the background now
};

/// A place that does not hold what its recipe says.
struct DamagedChunk {
  std::string path;
  std::string etag;  ///< the content that should stand there
  Bytes offset = 0;
  Bytes length = 0;
  std::string chunk;  ///< the hash that it should have, as text
};

struct StoreChecked {
  std::uint64_t files = 0;     ///< read to the end
  std::uint64_t chunks = 0;
  Bytes bytes = 0;
  std::uint64_t damaged_files = 0;
  std::uint64_t damaged_chunks = 0;
  std::uint64_t damaged_recipes = 0;
  std::uint64_t changed = 0;   ///< places that somebody wrote to since they were hashed: no sources anyway
  std::uint64_t absent = 0;    ///< recipes whose content stands nowhere
};

struct AdoptRequest {
  Caller caller;
  std::string folder;           ///< absolute; the daemon has checked that the peer may name paths
  std::optional<RepoRef> repo;  ///< whose right to read is used to ask where the Hub keeps the chunks
  std::string revision = "main";
};

/// A file of the folder that was read, or could not be.
struct AdoptedFile {
  std::string path;
  Bytes size = 0;
  std::string sha256;
  std::string xet;  ///< the Xet file id
  std::uint64_t chunks = 0;
  std::string problem;  ///< one sentence; empty: adopted
};

struct StoreAdopted {
  std::uint64_t adopted = 0;
  std::uint64_t known = 0;  ///< already
  std::uint64_t small = 0;  ///< too small to be worth it
  std::uint64_t failed = 0;
  std::uint64_t chunks = 0;
  Bytes bytes = 0;          ///< of the adopted ones
  std::uint64_t named = 0;  ///< files of which the Hub said where it keeps their chunks
  std::string warning;      ///< why the Hub was not asked
};

/// What a long verb tells while it runs, on the engine's executor.
class StoreListener {
 public:
  virtual ~StoreListener() = default;
  virtual void progress(StoreProgress const& progress) = 0;
  /// Fails: cancelled when nobody listens any more.
  virtual Async<void> damaged(DamagedChunk chunk) = 0;
  virtual Async<void> adopted(AdoptedFile file) = 0;
};

/// What people ask of the chunk store. Long verbs read at the lowest priority and stop soon when their coroutine is cancelled,
/// keeping what they did. On the engine's executor.
class StoreCare {
 public:
  virtual ~StoreCare() = default;
  virtual Async<StoreStats> stats() = 0;
  /// Drops the index and makes it anew from the recipes, and has blobs without one read. Goes on when the caller leaves, since
  /// half an index finds half; who asks meanwhile waits for the same. Fails: io, disk_full; unavailable when the engine stops.
  virtual Async<StoreRebuilt> rebuild(StoreListener& listener) = 0;
  /// Reads every place that counts as verified and has a recipe, chunk by chunk. A place with a wrong chunk is no source from
  /// then on, and is fetched again when it is next asked for. Fails: cancelled, unavailable, io.
  virtual Async<StoreChecked> verify(StoreListener& listener) = 0;
  /// Learns the chunks of the files below a folder, so that downloads copy from there what they can. Files that were learned
  /// already are skipped. Fails: local_entry_not_found, io (the folder); cancelled; unavailable.
  virtual Async<StoreAdopted> adopt(AdoptRequest request, StoreListener& listener) = 0;
};

}  // namespace hubd::engine
