// SPDX-License-Identifier: Apache-2.0
#pragma once
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
/// At most Options::transfers_at_work do so at once; the others stand in line, noted, and hold nothing. One of these that
/// nobody looks on is shelved: no coroutine runs for it, so that thousands of them cost little memory.
///
/// A caller's interest is a lease. Without leases it stops, unless detached; what came so far stays in the partials.
/// Paused, it holds no lock, no permit and no room on the disk but its partials, and is nobody's in particular: it is kept,
/// as a detached one is, until it is resumed or cancelled.
/// All on the engine's executor.
class TransferJob : public std::enable_shared_from_this<TransferJob> {
 public:
  TransferJob(Context& context, FileJobs& files, Verifier& verifier, std::string id, sched::TransferKey key, TransferTask task, EventLog events);
  TransferJob(TransferJob const&) = delete;
  TransferJob& operator=(TransferJob const&) = delete;

  /// Runs to the end, or until it is shelved; `self` keeps it alive. To be spawned once, and again whenever Context::drive says so.
  static asio::awaitable<void> live(std::shared_ptr<TransferJob> self);
  [[nodiscard]] bool shelved() const { return shelved_; }
  void stop(Error why);

  class Lease {
   public:
    /// `waits`: for the end, and not only for it to have begun.
    explicit Lease(std::shared_ptr<TransferJob> job, bool waits = true) : job_(std::move(job)), waits_(waits) { job_->lease(waits_); }
    Lease(Lease const&) = delete;
    Lease& operator=(Lease const&) = delete;
    ~Lease() { job_->drop_lease(waits_); }

   private:
    std::shared_ptr<TransferJob> job_;  // shared with the running coroutine
    bool waits_;
  };

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool stopping() const { return stop_ != nullptr; }
  [[nodiscard]] Error const* error() const { return error_.get(); }  ///< null: none
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
  [[nodiscard]] bool moved(std::string const& path) const { return work_ != nullptr && work_->moved.contains(path); }
  [[nodiscard]] bool waits_for_something() const { return shelved_ || !progress_.waiting_for.empty(); }
  void detach() { task_.detached = true; }
  void pause(std::string by);
  void resume();
  [[nodiscard]] bool paused() const { return !task_.paused_by.empty(); }
  /// It is paused, has let go of everything, and that is noted.
  [[nodiscard]] bool at_rest() const { return at_rest_; }
  /// The journal has a row of it.
  [[nodiscard]] bool noted() const { return noted_; }
  /// Why the last pause or resume could not be noted: a restart would not know of it.
  [[nodiscard]] Error const* unnoted() const { return unnoted_.get(); }
  /// Somebody joined to whom it matters so much: also the files that are under way. True when it mattered less before.
  bool raise(sched::Priority priority);
  /// Resumes at the next news: progress (about 5 per second), or the end. False when the waiting coroutine was cancelled.
  asio::awaitable<bool> news() { return changed_.wait(); }

 private:
  enum class Lane : std::uint8_t { small, large };
  struct Active {
    ListedFile file;
    FileJob* job = nullptr;  // while one runs
    bool own = false;              // its bytes are counted here
    std::string_view route{};      // as it was told last
    std::string waiting{};         // for what, without its numbers, which count down
    WallTime since{};              // so it stands since
  };
  /// What it has only once it has been at work.
  struct Work {
    explicit Work(std::size_t files) : finished(files) {}
    std::vector<std::size_t> small;  // what is still to be brought, of task_.files, the next one last
    std::vector<std::size_t> large;
    std::vector<bool> finished;      // of task_.files
    std::map<std::string, Active> active;  // by path
    std::set<std::string> moved;           // what was fetched, linked or copied
    std::set<std::string> forced;          // contents that were fetched anew already
    std::size_t running = 0;               // runners
    Bytes finished_bytes = 0;
    Bytes found_bytes = 0;  // of these, already here
    std::uint64_t finished_files = 0;
    std::vector<FileProgress> just_finished;
    Bytes fetched_ended = 0;  // by jobs that have ended
    std::optional<Error> failure;  // the first file that failed
    std::string waiting_for;       // all of it
    sched::RateMeter meter;
  };
  static std::shared_ptr<Error const> boxed(Error error) { return std::make_shared<Error const>(std::move(error)); }
  /// Brings what is missing; ends when that is done, has failed, or is to stop or to pause.
  asio::awaitable<void> attempt();
  /// Until resumed or stopped.
  asio::awaitable<void> rest();
  /// Until it has a place among those at work, is paused or stopped.
  asio::awaitable<void> stand_in_line();
  [[nodiscard]] bool placed() const { return place_ && place_->held(); }
  [[nodiscard]] bool in_line() const { return place_ && !place_->held(); }
  /// In line, and nothing is to be done for it before its turn.
  [[nodiscard]] bool nobody_looks_on() const;
  [[nodiscard]] std::string place_waited_for() const;
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
  /// Tells its place and its files how much they matter now.
  void reweigh();
  void lease(bool waits);
  void drop_lease(bool waits);
  /// Something it may wait for has happened.
  void nudge();
  void note_moved(ListedFile const& file);
  void note_published(ListedFile const& file, std::string const& place, Published::Source source);
  /// What the disk budget calls this file: its content in the cache, its place in a folder.
  [[nodiscard]] std::string budget_key(ListedFile const& file) const;
  Result<sched::DiskBudget::Needs> needs();
  Journal::Row row() const;
  void refresh();
  std::string measure(Work& work);
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
  std::unique_ptr<Work> work_;
  Bytes fetched_ = 0;
  std::uint64_t requests_ = 0;
  std::size_t leases_ = 0;
  std::size_t waiters_ = 0;  // of these, who wait for its end
  std::shared_ptr<Error const> stop_;     // why it is to stop
  std::shared_ptr<Error const> error_;    // how it ended
  bool body_done_ = false;
  bool ended_ = false;
  bool at_rest_ = false;
  bool shelved_ = false;
  bool noted_ = false;
  std::shared_ptr<Error const> unnoted_;
  std::optional<Places::Place> place_;  // in line, or at work
  EventLog events_;
  WallTime stands_since_{};  // paused, or waiting for something of its own
  sched::DiskBudget::Reservation reservation_{};
  Progress progress_;
  net::Signal changed_;   // for callers
  std::unique_ptr<net::Signal> internal_;  // for live(), while it runs
};

}  // namespace hubd::engine
