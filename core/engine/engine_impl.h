// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/digest.h"
#include "core/engine/contents.h"
#include "core/engine/context.h"
#include "core/engine/file_job.h"
#include "core/engine/insight.h"
#include "core/engine/listings.h"
#include "core/engine/lookups.h"
#include "core/engine/revisions.h"
#include "core/engine/store_keeper.h"
#include "core/engine/transfer_job.h"
#include "core/engine/verifier.h"

namespace hubd::engine {

/// The Engine: answers from the disk where it can, else finds or begins the transfer and waits for it.
class EngineImpl final : public Engine {
 public:
  EngineImpl(Options options, Parts parts);
  ~EngineImpl() override = default;

  Async<void> start() override;
  asio::awaitable<void> stop() override;
  Async<EnsureResult> ensure(EnsureRequest request, EnsureListener* listener) override;
  Async<PlanResult> plan(EnsureRequest request) override;
  Async<ReadyResult> ready(EnsureRequest request) override;
  Async<LookupResult> lookup(LookupRequest request) override;
  Async<std::shared_ptr<Content>> content(ContentRequest request) override;
  std::vector<TransferInfo> transfers(Principal principal, bool include_finished) override;
  Result<TransferInfo> transfer(Principal principal, std::string const& id) override;
  Async<TransferInfo> cancel(Principal principal, std::string id) override;
  Async<TransferInfo> detach(Principal principal, std::string id) override;
  Async<TransferInfo> pause(Principal principal, std::string id) override;
  Async<TransferInfo> resume(Principal principal, std::string id) override;
  Async<TransferInfo> attach(Principal principal, std::string id, std::optional<Time> deadline, AttachListener* listener) override;
  Result<Why> why(Principal principal, std::string const& id) override;
  Overview overview(Principal principal) override;
  Budgets budgets() const override;
  StoreCare& store() override { return keeper_; }
  Totals totals() const override;
  void tune(Tuning const& tuning) override { context_.tune(tuning); }
  void noted(std::string blob, std::string etag, bool matches) override;

 private:
  /// What a request comes down to.
  struct Target {
    Revisions::Resolved revision;
    Listings::Chosen chosen;
  };
  /// Entitlement, then the commit.
  Async<Revisions::Resolved> resolve_for(EnsureRequest const& request);
  Async<Target> find_target(EnsureRequest const& request);
  Async<Target> find_target_in_time(EnsureRequest const& request);
  /// The same, while the listener hears once a second what it waits for.
  Async<Target> find_target_aloud(EnsureRequest const& request, EnsureListener* listener);
  asio::awaitable<void> narrate(EnsureRequest const& request, EnsureListener& listener);
  /// The answer, when every file is here and may be served as it is.
  Async<std::optional<EnsureResult>> answer_from_disk(EnsureRequest const& request, Target const& target);
  /// `joined`: the transfer ran before this caller came. Fails then also: local_entry_not_found, for a file that went meanwhile.
  Async<EnsureResult> answer(EnsureRequest const& request, Target const& target, TransferJob const& job, bool joined);
  /// An answer without its files.
  [[nodiscard]] EnsureResult begin_answer(EnsureRequest const& request, Target const& target) const;
  [[nodiscard]] EnsuredFile ensured_in_cache(RepoRef const& repo, Commit const& commit, ListedFile const& file, bool verified) const;
  /// Writes the ref; returns why it could not be. Blocking.
  std::string name_commit(EnsureRequest const& request, Target const& target);
  /// `id`: of the journal's row that it goes on from; empty: a new one. Who joins one for good sees to note_detached().
  std::shared_ptr<TransferJob> join_or_begin(TransferTask task, std::string id = {});
  /// Until the job ends; `news` is called meanwhile. Fails: deadline_exceeded, cancelled (the caller left), unavailable; as the job.
  Async<void> wait_for(std::shared_ptr<TransferJob> job, std::optional<Time> deadline, std::function<void()> news);
  /// Until what was asked of a job (pause or resume) holds and is noted, or the job has ended.
  Async<TransferInfo> settled(std::shared_ptr<TransferJob> job);
  /// Of a job that has ended: nothing, or why, and what becomes of it.
  static Result<void> outcome(TransferJob const& job);
  [[nodiscard]] double left_until(std::optional<Time> deadline) const;
  /// Of a job that is detached: returns when a restart knows, or cannot.
  asio::awaitable<void> note_detached(std::shared_ptr<TransferJob> job);
  /// On the disk pool. What cannot be noted is logged.
  asio::awaitable<void> tell_journal(std::function<Result<void>(Journal&)> note);
  asio::awaitable<void> drive(std::shared_ptr<TransferJob> job);
  asio::awaitable<void> go_on(Journal::Row row);
  asio::awaitable<void> collect();
  Result<std::vector<Journal::Row>> recover();
  Result<std::shared_ptr<TransferJob>> find(Principal principal, std::string const& id);
  /// A transfer that could not go on and is begun again by itself, later and later, until the world is back.
  struct Parked {
    std::shared_ptr<TransferJob> job;  ///< ended: what it was, and why it stopped
    Sha256 key;                  ///< of by_task_
    std::uint64_t number = 0;          ///< of this parking: an older timer finds another and does nothing
    unsigned attempt = 0;              ///< tries since bytes last moved
    Time since{};                      ///< when it was parked first
    Time next{};                       ///< when it is begun again
  };
  void park(std::shared_ptr<TransferJob> job, Sha256 const& key);
  asio::awaitable<void> unpark_later(std::string id, std::uint64_t number, Time when);
  void note_finished(Principal principal, TransferInfo info, EventLog events);
  void forget_parked(std::string const& id);
  asio::awaitable<void> forget_row(std::string id);
  [[nodiscard]] TransferInfo info_of(Parked const& parked) const;
  /// The parked transfer of that id, if it is the principal's.
  [[nodiscard]] Parked const* find_parked(Principal principal, std::string const& id) const;
  /// Begins a parked transfer again, for whoever asks or for nobody: who waited for it has his answer.
  std::shared_ptr<TransferJob> revive(std::string const& id, Parked const& parked, std::string paused_by = {});

  Context context_;
  net::TaskGroup tasks_;
  Verifier verifier_;
  FileJobs files_;
  Revisions revisions_;
  Listings listings_;
  Lookups lookups_;
  Contents contents_;
  StoreKeeper keeper_;
  struct Tries {
    unsigned attempt = 0;
    Time since{};
  };
  std::map<std::string, Tries> tries_;  // of transfers that were parked and run again, by id
  std::uint64_t next_transfer_ = 1;
  std::map<Sha256, std::shared_ptr<TransferJob>> by_task_;  // single flight: what is wanted -> its transfer
  std::map<std::string, std::shared_ptr<TransferJob>> running_;  // by id
  std::map<std::string, Parked> parked_;                         // by id
  std::uint64_t parkings_ = 0;
  struct Finished {
    Principal principal;
    TransferInfo info;
    EventLog events;
  };
  std::deque<Finished> finished_;  // newest last
};

}  // namespace hubd::engine
