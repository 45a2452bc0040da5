// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/pattern.h"
#include "core/base/principal.h"
#include "core/base/repo.h"
#include "core/base/secret.h"
#include "core/net/async.h"
#include "core/sched/priority.h"

namespace hubd::engine {

struct Tuning;  // make_engine.h
class StoreCare;  // store_care.h
struct Why;       // insight.h
struct Budgets;  // insight.h
struct Overview;  // insight.h

/// What belongs to the caller and travels with each call.
struct Caller {
  Principal principal;
  std::string endpoint;           ///< no trailing slash; never empty here (the daemon fills its default)
  Secret token;                   ///< already chosen by the daemon; empty: anonymous
  bool offline = false;           ///< binds this call
  bool disable_xet = false;       ///< the caller's HF_HUB_DISABLE_XET: by the plain route
  std::optional<Time> deadline;   ///< of the whole call
  std::string user_agent;
  std::string call;  ///< id of the call, for log and audit; empty: none
};

/// Which files of a listing: explicit names, else the filter.
struct Selection {
  std::vector<std::string> files;
  PathFilter filter;
};

struct EnsureRequest {
  Caller caller;
  RepoRef repo;
  std::string revision = "main";
  Selection selection;
  bool force = false;
  bool require_verified = false;
  bool detach = false;
  bool want_sources = false;  ///< plan(): ask, for Xet files, what of them is here
  sched::Priority priority = sched::Priority::normal;  ///< joining a transfer raises its own, and never lowers it
  std::size_t max_workers = 0;  ///< files at a time for this transfer; 0: the engine's own limits
  std::string local_dir;  ///< absolute; empty: the cache. The daemon has checked that the peer may name paths.
};

struct FileProgress {
  std::string path;
  Bytes total = 0;
  Bytes done = 0;
  std::string state;  ///< queued, fetching, verifying, published, cached, failed, waiting
};

struct Progress {
  std::string transfer_id;
  std::uint64_t files_total = 0;
  std::uint64_t files_done = 0;
  Bytes bytes_total = 0;
  Bytes bytes_done = 0;  ///< never decreases within one call
  Bytes bytes_cached = 0;
  double rate = 0;              ///< bytes per second over the last seconds
  double eta_seconds = -1;      ///< < 0: unknown
  double deadline_seconds = -1; ///< left until the deadline of who listens; < 0: none
  std::string waiting_for;      ///< empty while bytes move
  std::vector<FileProgress> files;
};

struct EnsuredFile {
  std::string path;
  std::string relative_path;  ///< of the snapshot pointer below the cache root; empty in local_dir mode
  std::string absolute_path;
  Bytes size = 0;
  std::string etag;
  bool verified = false;
  bool from_cache = false;
};

struct EnsureResult {
  Commit commit;
  std::string snapshot_relative;
  std::string snapshot_path;
  std::vector<EnsuredFile> files;
  Bytes bytes_fetched = 0;
  std::uint64_t requests = 0;
  bool stale = false;
  std::string warning;
};

/// Receives events of one ensure, on the engine's executor. Progress comes at most every 200 ms and is coalesced: a
/// slow listener sees fewer events, never older ones.
class EnsureListener {
 public:
  virtual ~EnsureListener() = default;
  virtual void started(std::string const& transfer_id, Commit const& commit, std::uint64_t files_total,
                       Bytes bytes_total, Bytes bytes_cached) = 0;
  virtual void progress(Progress const& progress) = 0;
};

struct PlannedFile {
  std::string path;
  Bytes size = 0;
  std::string etag;
  bool cached = false;
  Bytes bytes_repo = 0;     ///< of the file, that files of this repo have here; all of it when it is cached
  Bytes bytes_others = 0;   ///< that files of other repos and adopted ones have
  Bytes bytes_network = 0;  ///< as they travel, where that was asked
  bool xet = false;         ///< comes by the Xet route
  bool unknown = false;     ///< a Xet file of which nobody asked what is here: all of it may have to come
  std::string local_path;
};

struct PlanResult {
  Commit commit;
  std::vector<PlannedFile> files;
  Bytes bytes_total = 0;
  Bytes bytes_cached = 0;
  Bytes bytes_resumable = 0;
  Bytes bytes_network = 0;
  Bytes bytes_repo = 0;
  Bytes bytes_others = 0;
  std::uint64_t files_unknown = 0;
  Bytes bytes_free = 0;
  Bytes bytes_floor = 0;
  bool fits = true;
  std::uint64_t requests = 0;
};

struct ReadyResult {
  bool ready = false;
  std::string commit;
  std::uint64_t files_total = 0;
  std::vector<std::string> missing;
  std::vector<std::string> unverified;
  std::string reason;
};

struct TransferInfo {
  std::string id;
  RepoRef repo;
  std::string revision;
  std::string commit;
  std::string state;  ///< queued, running, waiting, paused, parked, done, failed, cancelled
  Progress progress;
  Bytes bytes_fetched = 0;
  std::uint32_t leases = 0;
  bool detached = false;
  sched::Priority priority = sched::Priority::normal;
  WallTime created;
  std::string path;  ///< where its files are or will be: the snapshot's folder, or the local one
  std::optional<Error> error;
};

/// Hears of a transfer that somebody attached to, on the engine's executor.
class AttachListener {
 public:
  virtual ~AttachListener() = default;
  virtual void news(TransferInfo const& transfer) = 0;
};

/// One read of the Hub's surface beside files: what info, listings, refs and metadata calls ask.
struct LookupRequest {
  Caller caller;
  std::string method = "GET";  ///< GET below /api/, HEAD, or POST of paths-info
  std::string path;            ///< "/api/models/org/name", percent-encoded
  std::string query;           ///< without '?'
  std::string body;            ///< JSON; POST only
  /// How old an answer from memory may be. Absent: the operator's branch_max_age for repos, nothing for the rest.
  std::optional<Duration> max_age;
};

struct LookupAnswer {
  int status = 0;  ///< the Hub's own, whatever it is
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
};

struct LookupResult {
  std::shared_ptr<LookupAnswer const> answer;  ///< shared by everybody who asked the same
  bool from_memory = false;
  bool stale = false;  ///< the Hub could not be asked: its last answer
  std::uint64_t requests = 0;
};

struct ContentRequest {
  Caller caller;
  RepoRef repo;
  std::string revision = "main";
  std::string path;
};

/// Bytes of one extent, once, in order.
class ContentStream {
 public:
  virtual ~ContentStream() = default;
  [[nodiscard]] virtual bool from_cache() const = 0;
  /// Some bytes, at most out.size(); 0 at the end. Fails: as Source::open and Response::read_some; io; corrupt before the
  /// last bytes of a whole file whose hash does not match.
  virtual Async<std::size_t> read_some(std::span<std::byte> out) = 0;
};

/// One file of a commit, for reading in place without downloading it.
class Content {
 public:
  virtual ~Content() = default;
  [[nodiscard]] virtual Commit const& commit() const = 0;
  [[nodiscard]] virtual std::string const& etag() const = 0;
  [[nodiscard]] virtual Bytes size() const = 0;
  /// `extent` lies within the file. Published bytes come from the disk; else the Hub's, of which a part of a file cannot be
  /// verified: it is handed on, never stored.
  virtual Async<std::unique_ptr<ContentStream>> open(Extent extent) = 0;
};

struct Totals {
  std::uint64_t transfers_running = 0;
  std::uint64_t transfers_waiting = 0;
  std::uint64_t transfers_parked = 0;
  Bytes bytes_fetched = 0;
  std::uint64_t requests = 0;
  Bytes bytes_published = 0;
  std::uint64_t integrity_failures = 0;
  std::uint64_t unverified_blobs = 0;
  std::uint64_t xet_files = 0;      ///< that came by the Xet route
  Bytes bytes_bridged = 0;          ///< of chunks on this host that were fetched all the same, with what stands beside them
  Bytes bytes_reused = 0;           ///< of Xet files, that came from chunks on this host
  std::uint64_t xet_fallbacks = 0;  ///< that began there and came by the plain route
  std::string problem;
};

/// Transfers as durable jobs over one cache root: single flight by file and snapshot, leases, admission, recovery.
///
/// Threading: every member on the engine's executor (a strand or a single-threaded context); disk and hashing are
/// offloaded. An ensure() is a lease: cancelling the coroutine drops it, and the transfer stops when none is left,
/// unless detached.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Recovers parked transfers and partials, collects orphans. Call once, before anything else.
  virtual Async<void> start() = 0;
  /// Stops admitting, parks what runs, leaves nothing half-published. Returns within about 10 s.
  virtual asio::awaitable<void> stop() = 0;

  virtual Async<EnsureResult> ensure(EnsureRequest request, EnsureListener* listener) = 0;
  virtual Async<PlanResult> plan(EnsureRequest request) = 0;
  /// Never asks the Hub.
  virtual Async<ReadyResult> ready(EnsureRequest request) = 0;

  /// Equal questions of equal tokens are one request, and its answer serves `max_age` long.
  /// Fails: bad_request, not_supported (a write); offline; as http::Client::send when nothing is remembered.
  virtual Async<LookupResult> lookup(LookupRequest request) = 0;
  /// Fails: as ensure().
  virtual Async<std::shared_ptr<Content>> content(ContentRequest request) = 0;

  virtual std::vector<TransferInfo> transfers(Principal principal, bool include_finished) = 0;
  virtual Result<TransferInfo> transfer(Principal principal, std::string const& id) = 0;
  /// Answers when it has ended and a restart knows; where a long copy cannot be interrupted, after a moment.
  virtual Async<TransferInfo> cancel(Principal principal, std::string id) = 0;
  /// The transfer goes on although its callers leave. Answers when a restart knows.
  virtual Async<TransferInfo> detach(Principal principal, std::string id) = 0;
  /// Lets go of locks, permits and room, and keeps the bytes; answers when that is done and noted. It stays so over restarts,
  /// until resume(). Who waits for it goes on waiting, and hears so. Fails: entry_not_found; io when it could not be noted.
  virtual Async<TransferInfo> pause(Principal principal, std::string id) = 0;
  /// A parked one goes on too, without waiting for its next try. Fails: as pause().
  virtual Async<TransferInfo> resume(Principal principal, std::string id) = 0;
  /// Waits for the end of a transfer as a lease of one's own; a parked one goes on at once, a paused one stays paused.
  /// Fails: entry_not_found; deadline_exceeded; as the transfer.
  virtual Async<TransferInfo> attach(Principal principal, std::string id, std::optional<Time> deadline, AttachListener* listener) = 0;
  /// From memory: neither disk nor network are looked at. Fails: entry_not_found.
  virtual Result<Why> why(Principal principal, std::string const& id) = 0;
  /// The principal's transfers that have not ended, and the host's budgets. From memory too.
  virtual Overview overview(Principal principal) = 0;
  virtual Budgets budgets() const = 0;
  virtual StoreCare& store() = 0;
  virtual Totals totals() const = 0;
  virtual void tune(Tuning const& tuning) = 0;
  /// The cache service hashed a blob and it matched its name or did not: the engine hashes it in the background when its
  /// own knowledge is older than the file, and knows it from then on.
  virtual void noted(std::string blob, std::string etag, bool matches) = 0;
};

}  // namespace hubd::engine
