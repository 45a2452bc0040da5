// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "caller.h"
#include "result.h"

namespace hubd::client {

/// Make sure that the selected files are on this host, verified and published.
struct EnsureRequest {
  Caller caller;
  Repo repo;
  Selection selection;
  bool force = false;             ///< fetch again although cached
  std::string local_dir;          ///< absolute; "": the cache
  bool detach = false;            ///< the transfer outlives this call
  bool require_verified = false;  ///< foreign blobs are hashed before they are served
  int workers = 0;                ///< files at a time for this call; 0: hubd's own number
  Priority priority = Priority::normal;  ///< joining a transfer raises its own, and never lowers it
};

struct EnsureStarted {
  std::string transfer_id;  ///< "": nothing has to move
  std::string commit;
  std::uint64_t files_total = 0;
  std::uint64_t bytes_total = 0;   ///< of all selected files
  std::uint64_t bytes_cached = 0;  ///< already here
};

struct FileProgress {
  std::string path;
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_done = 0;
  std::string state;  ///< queued, fetching, verifying, published, cached, failed, waiting
};

struct Progress {
  std::string transfer_id;
  std::uint64_t files_done = 0;
  std::uint64_t files_total = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  double rate = 0;                  ///< bytes per second, last seconds
  double eta_seconds = -1;          ///< < 0: unknown
  double deadline_seconds = 0;      ///< left until the caller's deadline; 0: none
  std::string waiting_for;          ///< "" while bytes move; else a sentence
  std::vector<FileProgress> files;  ///< only the ones in flight or just finished
};

struct FileLocation {
  std::string path;           ///< in the repo
  std::string root_id;        ///< names the cache root
  std::string relative_path;  ///< of the snapshot pointer, below the root; "" in local_dir mode
  std::string absolute_path;  ///< as this process sees it
  std::uint64_t size = 0;
  std::string etag;
  bool verified = false;
  bool from_cache = false;  ///< no byte moved for this call
};

struct EnsureDone {
  std::string commit;
  std::string root_id;
  std::string snapshot_relative;  ///< below the cache root; "" in local_dir mode
  std::string snapshot_path;      ///< as this process sees it; the local_dir in local_dir mode
  std::vector<FileLocation> files;
  std::uint64_t bytes_fetched = 0;  ///< from the network
  std::uint64_t requests = 0;       ///< upstream requests made for this call
  bool stale = false;               ///< the Hub could not be asked: the last known commit of the branch
  std::string warning;
};

/// What ensure() tells while it runs: on the thread that called it; of ensure_async() on a thread of the library, which
/// is to be given back soon. Any may be empty; without the first two hubd is asked for no progress at all.
struct EnsureListener {
  std::function<void(EnsureStarted const&)> started;
  std::function<void(Progress const&)> progress;
  /// The last event, just before the call returns or its future is ready; also when it failed.
  std::function<void(Result<EnsureDone> const&)> finished;
};

/// One file, to be opened.
struct OpenRequest {
  Caller caller;
  Repo repo;
  std::string path;              ///< in the repo
  bool require_verified = true;  ///< a foreign blob is hashed before it is opened
};

struct PlanRequest {
  Caller caller;
  Repo repo;
  Selection selection;
  bool force = false;
  std::string local_dir;
  bool sources = false;  ///< ask, for Xet files, what of them is on this host: metadata only
};

struct PlannedFile {
  std::string path;
  std::uint64_t size = 0;
  std::string etag;
  bool cached = false;
  std::uint64_t bytes_network = 0;
  std::string local_path;  ///< where it is or will be, as this process sees it
  std::uint64_t bytes_repo = 0;    ///< of the file, that files of this repo have here
  std::uint64_t bytes_others = 0;  ///< that files of other repos and adopted ones have
  bool xet = false;                ///< comes by the Xet route
  bool unknown = false;            ///< a Xet file of which nobody asked what is here: bytes_network is the most it can be
};

/// What ensure() would do.
struct Plan {
  std::string commit;
  std::vector<PlannedFile> files;
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_cached = 0;
  std::uint64_t bytes_resumable = 0;  ///< already in a partial
  std::uint64_t bytes_network = 0;
  std::uint64_t bytes_free = 0;   ///< on the target's file system
  std::uint64_t bytes_floor = 0;  ///< that must stay free
  bool fits = false;
  std::uint64_t requests = 0;
  std::uint64_t bytes_repo = 0;
  std::uint64_t bytes_others = 0;
  std::uint64_t files_unknown = 0;

  /// Bytes that would be written: what is copied from this host takes room too.
  [[nodiscard]] std::uint64_t bytes_written() const {
    auto const brought = bytes_network + bytes_repo + bytes_others;
    return brought > bytes_cached ? brought - bytes_cached : 0;
  }
};

/// Is every selected file here and verified? Answered without asking the Hub.
struct ReadyRequest {
  Caller caller;
  Repo repo;
  Selection selection;
};

struct Readiness {
  bool ready = false;
  std::string commit;
  std::uint64_t files_total = 0;
  std::vector<std::string> missing;
  std::vector<std::string> unverified;  ///< present, but hubd has not hashed these bytes yet
  std::string reason;                   ///< "" when ready; else one sentence
};

}  // namespace hubd::client
