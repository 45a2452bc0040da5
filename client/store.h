// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "caller.h"

namespace hubd::client {

/// What this host knows about chunks, and what it costs to know it.
struct StoreStats {
  std::uint64_t recipes = 0;
  std::uint64_t chunks = 0;  ///< of all recipes
  std::uint64_t chunks_distinct = 0;
  bool distinct_estimated = false;  ///< from a sample
  std::uint64_t content_bytes = 0;  ///< of the contents that have a recipe
  std::uint64_t recipe_bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t bytes_reused = 0;  ///< since hubd was started
  std::uint64_t adoptable = 0;     ///< blobs of the cache that could have a recipe and have none
  std::uint64_t adoptable_bytes = 0;
  std::uint64_t pending = 0;  ///< files that wait to be read in the background
};

struct StoreProgress {
  std::uint64_t files_done = 0;
  std::uint64_t files_total = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
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
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string chunk;  ///< the hash that it should have
};

struct StoreChecked {
  std::uint64_t files = 0;  ///< read to the end
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged_files = 0;
  std::uint64_t damaged_chunks = 0;
  std::uint64_t damaged_recipes = 0;
  std::uint64_t changed = 0;  ///< places that somebody wrote to since they were hashed
  std::uint64_t absent = 0;   ///< recipes whose content stands nowhere
};

struct AdoptRequest {
  Caller caller;
  std::string folder;  ///< absolute
  Repo repo;           ///< whose right to read is used to ask the Hub; id "": by the folder's names
};

struct AdoptedFile {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256;
  std::string xet;  ///< the Xet file id
  std::uint64_t chunks = 0;
  std::string problem;  ///< "": adopted; else one sentence
};

struct StoreAdopted {
  std::uint64_t adopted = 0;
  std::uint64_t known = 0;  ///< already
  std::uint64_t small = 0;  ///< too small to be worth it
  std::uint64_t failed = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;  ///< of the adopted ones
  std::uint64_t named = 0;  ///< files of which the Hub said where it keeps their chunks
  std::string warning;      ///< why the Hub was not asked
};

/// What a long call tells while it runs, on the thread that made it. Any may be empty.
struct StoreListener {
  std::function<void(StoreProgress const&)> progress;
  std::function<void(DamagedChunk const&)> damaged;  ///< verify_store()
  std::function<void(AdoptedFile const&)> file;      ///< adopt()
};

}  // namespace hubd::client
