// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/engine/event_log.h"
#include "core/engine/file_job.h"
#include "core/engine/insight.h"
#include "core/engine/verifier.h"
#include "core/sched/rate_meter.h"

namespace hubd::engine {

/// What a transfer is to bring about.
struct TransferTask {
  Caller caller;
  RepoRef repo;
  std::string revision;
  Commit commit;
  std::vector<ListedFile> files;
  std::string local_dir;  ///< empty: the cache
  bool force = false;
  bool require_verified = false;
  bool detached = false;
  std::size_t max_workers = 0;  ///< files at a time; 0: the engine's own limits
  sched::Priority priority = sched::Priority::normal;
  std::string paused_by;  ///< not empty: it rests until somebody resumes it
};

/// Files of one commit for one or more callers: a durable job. Reserves the disk for all that is missing, then brings the
/// files here, a bounded number at a time, each by the cheapest way: it is there; it stands elsewhere in the cache; fetch.
///
/// At most Options::transfers_at_work do so at once; the others stand in line, noted, and hold nothing.
///
/// A caller's interest is a lease. Without leases it stops, unless detached; what came so far stays in the partials.
/// Paused, it holds no lock, no permit and no room on the disk but its partials, and is nobody's in particular: it is kept,
/// as a detached one is, until it is resumed or cancelled.
/// All on the engine's executor.
class TransferJob {
 public:
  TransferJob(Context& context, FileJobs& files, Verifier& verifier, std::string id, sched::TransferKey key, TransferTask task, EventLog events);
  TransferJob(TransferJob const&) = delete;
  TransferJob& operator=(TransferJob const&) = delete;

  /// Runs to the end; `self` keeps it alive. To be spawned once.
  static asio::awaitable<void> live(std::shared_ptr<TransferJob> self);
  void stop(Error why);

  class Lease {
   public:
    explicit Lease(std::shared_ptr<TransferJob> job) : job_(std::move(job)) {
      ++job_->leases_;
      job_->internal_.notify();  // somebody looks on now
    }
    Lease(Lease const&) = delete;
    Lease& operator=(Lease const&) = delete;
    ~Lease() { job_->drop_lease(); }

   private:
    std::shared_ptr<TransferJob> job_;  // shared with the running coroutine
  };

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool stopping() const { return stop_.has_value(); }
  [[nodiscard]] std::optional<Error> const& error() const { return error_; }
  /// After the end: did it end for a reason that time may heal? Then it is begun again by itself.
  [[nodiscard]] bool parks() const;
  [[nodiscard]] TransferTask const& task() const { return task_; }
  [[nodiscard]] std::string const& id() const { return id_; }
  [[nodiscard]] Progress const& progress() const { return progress_; }
  [[nodiscard]] TransferInfo info() const;
  [[nodiscard]] EventLog const& events() const { return events_; }
  void tell(TransferEvent::Kind kind, std::string what) { events_.add(kind, context_.clock().wall(), std::move(what)); }
  /// What it waits for, file by file, and its requests under way. From memory.
  [[nodiscard]] std::vector<Wait> waits() const;
  [[nodiscard]] std::vector<Range> ranges() const;
  [[nodiscard]] Bytes bytes_fetched() const { return fetched_; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  /// Was this file brought here by this transfer (not found)?
  [[nodiscard]] bool moved(std::string const& path) const { return moved_.contains(path); }
  void detach() { task_.detached = true; }
  void pause(std::string by);
  void resume();
  [[nodiscard]] bool paused() const { return !task_.paused_by.empty(); }
  /// It is paused, has let go of everything, and that is noted.
  [[nodiscard]] bool at_rest() const { return at_rest_; }
  /// Why the last pause or resume could not be noted: a restart would not know of it.
  [[nodiscard]] std::optional<Error> const& unnoted() const { return unnoted_; }
  /// Somebody joined to whom it matters so much: also the files that are under way. True when it mattered less before.
  bool raise(sched::Priority priority);
  /// Resumes at the next news: progress (about 5 per second), or the end. False when the waiting coroutine was cancelled.
  asio::awaitable<bool> news() { return changed_.wait(); }

 private:
  enum class Lane : std::uint8_t { small, large };
  struct Active;
  /// Brings what is missing; ends when that is done, has failed, or is to stop or to pause.
  asio::awaitable<void> attempt();
  /// Until resumed or stopped.
  asio::awaitable<void> rest();
  /// Until it has a place among those at work, is paused or stopped.
  asio::awaitable<void> stand_in_line();
  [[nodiscard]] bool placed() const { return place_ && place_->held(); }
  asio::awaitable<void> note();
  asio::awaitable<void> body();
  Async<void> bring_all();
  Async<void> reserve();
  asio::awaitable<void> runner(Lane lane);
  asio::awaitable<void> ticker(Duration every);
  Async<void> bring(ListedFile file);
  Async<void> bring_to_cache(ListedFile file);
  Async<void> bring_to_folder(ListedFile file);
  Async<bool> link_from_holder(ListedFile file, std::string holder);
  Async<void> fetch(ListedFile file, bool force);
  void drop_lease();
  void note_moved(ListedFile const& file);
  void note_published(ListedFile const& file, std::string const& place, Published::Source source);
  /// What the disk budget calls this file: its content in the cache, its place in a folder.
  [[nodiscard]] std::string budget_key(ListedFile const& file) const;
  Result<sched::DiskBudget::Needs> needs();
  Journal::Row row() const;
  void refresh();
  /// Tells what has changed of a file since the last look.
  void observe(std::string const& path, Active& entry, std::string const& waiting);
  void queue_unfinished();
  [[nodiscard]] net::TaskGroup::OnBug on_bug();
  [[nodiscard]] std::string subject() const { return describe(task_.repo); }

  Context& context_;
  FileJobs& files_;
  Verifier& verifier_;
  std::string id_;
  sched::TransferKey key_;
  TransferTask task_;
  WallTime created_;
  std::vector<std::size_t> small_;  // what is still to be brought, of task_.files, the next one last
  std::vector<std::size_t> large_;
  std::vector<bool> finished_;      // of task_.files
  struct Active {
    ListedFile file;
    FileJob* job = nullptr;  // while one runs
    bool own = false;              // its bytes are counted here
    std::string_view route{};      // as it was told last
    std::string waiting{};         // for what, without its numbers, which count down
    WallTime since{};              // so it stands since
  };
  std::map<std::string, Active> active_;  // by path
  std::set<std::string> moved_;  // what was fetched, linked or copied
  std::set<std::string> forced_;  // contents that were fetched anew already
  std::size_t running_ = 0;       // runners
  Bytes finished_bytes_ = 0;
  Bytes found_bytes_ = 0;  // of these, already here
  std::uint64_t finished_files_ = 0;
  std::deque<FileProgress> just_finished_;
  Bytes fetched_ = 0;
  Bytes fetched_ended_ = 0;  // by jobs that have ended
  std::uint64_t requests_ = 0;
  std::size_t leases_ = 0;
  std::optional<Error> failure_;  // the first file that failed
  std::optional<Error> stop_;     // why it is to stop
  std::optional<Error> error_;    // how it ended
  bool body_done_ = false;
  bool ended_ = false;
  bool at_rest_ = false;
  std::optional<Error> unnoted_;
  std::optional<Places::Place> place_;  // in line, or at work
  EventLog events_;
  WallTime stands_since_{};  // paused, or waiting for something of its own
  sched::DiskBudget::Reservation reservation_{};
  std::string waiting_for_;
  Progress progress_;
  sched::RateMeter meter_;
  net::Signal changed_;   // for callers
  net::Signal internal_;  // for run()
};

}  // namespace hubd::engine
