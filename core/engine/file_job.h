// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/base/call_note.h"
#include "core/base/listing.h"
#include "core/engine/adoption.h"
#include "core/engine/context.h"
#include "core/engine/held_chunks.h"
#include "core/engine/xet_accesses.h"
#include "core/net/task_group.h"
#include "core/transfer/movement.h"
#include "core/transfer/source.h"
#include "core/transfer/xet_transfer.h"

namespace hubd::engine {

/// What a file's bytes are fetched for.
struct FileTask {
  RepoRef repo;
  Commit commit;
  ListedFile file;
  std::string local_dir;  ///< empty: published in the cache
  bool force = false;     ///< although it is there
  Caller caller;
  sched::TransferKey transfer{};
  sched::Priority priority = sched::Priority::normal;
  bool awaited = false;  ///< somebody waits for it
};

/// Does a file come by the Xet route, as far as the caller, the operator and the listing say?
bool comes_by_xet(Context const& context, Caller const& caller, ListedFile const& file);

/// What all Xet transfers of an engine share.
struct XetDesk {
  explicit XetDesk(Context& context) : accesses(context), adoption(context), held(context), flights(context.parts.executor) {}
  XetAccesses accesses;
  Adoption adoption;
  HeldChunks held;
  transfer::XetFlights flights;
};

/// Fetches one content and makes it visible at its first destination. Whoever else wants the content waits for this job and
/// then links or copies from there. Single flight is by content: FileJobs sees to it.
/// All on the engine's executor.
class FileJob {
 public:
  FileJob(Context& context, XetDesk& xet, FileTask task, sched::FileKey key);
  FileJob(FileJob const&) = delete;
  FileJob& operator=(FileJob const&) = delete;

  /// Runs to the end; `self` keeps it alive. To be spawned once.
  static asio::awaitable<void> live(std::shared_ptr<FileJob> self);
  /// Stops soon; the bytes stay in the partial.
  void stop();
  /// Somebody who wants this content matters so much. Never lowered: the others have waited with them.
  void raise(sched::Priority priority, bool awaited);

  [[nodiscard]] bool ended() const { return result_.has_value(); }
  [[nodiscard]] bool stopping() const { return stop_; }
  /// Would another job for `task` ask the same host with the same token?
  [[nodiscard]] bool same_access(FileTask const& task) const {
    return task_.repo.endpoint == task.repo.endpoint && task_.caller.token == task.caller.token && task_.repo == task.repo &&
           task_.caller.offline == task.caller.offline && task_.caller.disable_xet == task.caller.disable_xet;
  }
  /// After the end. Fails: as FileTransfer::run; busy when a foreign lock stands still.
  [[nodiscard]] Result<void> const& result() const { return *result_; }
  /// Resumes when it has ended. Fails: cancelled, when the waiting coroutine is.
  Async<void> wait();

  [[nodiscard]] Bytes done() const { return movement_ ? movement_->done() : 0; }
  [[nodiscard]] Bytes fetched() const { return spent_.fetched + (movement_ ? movement_->fetched() : 0); }
  [[nodiscard]] std::uint64_t requests() const { return spent_.requests + (movement_ ? movement_->requests() : 0); }
  [[nodiscard]] std::string waiting_for() const;
  /// By which it comes: cas, plain; empty: not decided yet.
  [[nodiscard]] std::string_view route() const;
  [[nodiscard]] std::string const& host() const { return permits_.who().host; }
  [[nodiscard]] Desk::Standing standing() const { return permits_.standing(); }
  /// A lock that somebody else holds, while it waits for it.
  [[nodiscard]] bool waits_for_lock() const { return !lock_wait_.empty(); }
  [[nodiscard]] std::string const& lock_holder() const { return lock_holder_; }
  [[nodiscard]] std::vector<transfer::RangeView> ranges() const { return movement_ ? movement_->ranges() : std::vector<transfer::RangeView>(); }
  [[nodiscard]] std::string state() const;  ///< queued, waiting, fetching, verifying

 private:
  friend class FileJobs;
  asio::awaitable<void> body();
  Async<void> work();
  Async<void> work_locked();
  [[nodiscard]] std::shared_ptr<cas::TokenSource> xet_access() const;
  Async<void> move_by_xet(ContentId id, std::shared_ptr<cas::TokenSource> tokens);
  Async<void> move_plainly(ContentId id);
  Async<void> run_movement();
  [[nodiscard]] transfer::Movement::Parts movement_parts();
  [[nodiscard]] Error not_here() const;
  Async<std::unique_ptr<fs::Lock>> lock();
  Async<void> publish();
  void note_published(std::string const& place, Published::Source source);
  void share();
  void remember_chunks();
  /// A line of the log, about the call that began this.
  [[nodiscard]] std::string noted(std::string line) const { return about_call(std::move(line), task_.caller.call); }
  [[nodiscard]] std::string subject() const { return "file " + task_.file.path + " of " + describe(task_.repo); }

  Context& context_;
  FileTask task_;
  FilePermits permits_;
  XetDesk& xet_desk_;
  std::shared_ptr<cas::TokenSource> tokens_;  // shared with other files of the snapshot
  std::unique_ptr<transfer::ResolveSource> source_;
  std::unique_ptr<transfer::Movement> movement_;
  struct Spent {
    Bytes fetched = 0;
    std::uint64_t requests = 0;
    Duration silence{};  // at its end; with that of the one before, when nothing came by it
  } spent_;  // by a movement that was given up for another
  bool fell_back_ = false;
  transfer::XetTransfer* xet_ = nullptr;  // movement_, while it is one
  std::optional<Result<void>> result_;
  std::string lock_wait_;
  std::string lock_holder_;
  bool stop_ = false;
  std::size_t users_ = 0;
  net::Signal changed_;
};

/// The jobs under way, by content. All on the engine's executor.
class FileJobs {
 public:
  FileJobs(Context& context, net::TaskGroup& tasks) : context_(context), xet_desk_(context), tasks_(tasks), gone_(context.parts.executor) {}

  /// One caller's interest in a job; when the last goes, the job stops.
  class Use {
   public:
    Use(std::shared_ptr<FileJob> job, bool first) : job_(std::move(job)), first_(first) { ++job_->users_; }
    Use(Use&& other) noexcept = default;
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (job_ && --job_->users_ == 0) job_->stop();
    }
    [[nodiscard]] FileJob& job() const { return *job_; }
    [[nodiscard]] bool first() const { return first_; }  ///< this caller's task is the one that runs

   private:
    std::shared_ptr<FileJob> job_;  // shared with the running coroutine
    bool first_;
  };
  /// Joins the job of this content, or begins one. Fails: cancelled; unavailable when the engine stops.
  Async<Use> use(FileTask task);
  void stop_all();
  [[nodiscard]] XetDesk& xet() { return xet_desk_; }
  [[nodiscard]] std::size_t size() const { return jobs_.size(); }

 private:
  static asio::awaitable<void> drive(FileJobs& jobs, std::shared_ptr<FileJob> job, std::string key);

  Context& context_;
  XetDesk xet_desk_;
  net::TaskGroup& tasks_;
  std::uint64_t next_ = 1;
  std::map<std::string, std::shared_ptr<FileJob>> jobs_;  // by etag
  net::Signal gone_;                                      // a job left the map
};

}  // namespace hubd::engine
