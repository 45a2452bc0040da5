// SPDX-License-Identifier: Apache-2.0
#include "core/engine/engine_impl.h"

#include <algorithm>
#include <set>

#include "core/cache/local_dir.h"
#include "core/engine/held_chunks.h"
#include "core/engine/inspect.h"
#include "core/engine/recovery.h"
#include "core/engine/windowed_http.h"
#include "core/engine/xet_plan.h"
#include "core/net/within.h"
#include "core/transfer/partial.h"

namespace hubd::engine {
namespace {

constexpr std::size_t finished_max = 200;
constexpr auto narrate_every = std::chrono::seconds(1);
constexpr auto resume_again = std::chrono::seconds(30);

/// What makes two requests one transfer.
Sha256 key_of(TransferTask const& task) {
  std::string key = task.repo.endpoint + "\n" + describe(task.repo) + "\n" + task.commit.hex() + "\n" + task.local_dir + "\n" +
                    (task.force ? "f" : "-") + (task.require_verified ? "v" : "-") + (task.caller.offline ? "o" : "-") + "\n" +
                    fingerprint(task.caller.token);
  for (auto const& file : task.files) key += "\n" + file.path;
  return hash::sha256(as_bytes(key));
}

/// When a call begins once more: its new transfer is told, but not its progress, which never goes back.
class OnlyBeginnings final : public EnsureListener {
 public:
  explicit OnlyBeginnings(EnsureListener* listener) : listener_(listener) {}
  void started(std::string const& id, Commit const& commit, std::uint64_t files, Bytes total, Bytes cached) override {
    if (listener_ != nullptr && !id.empty()) listener_->started(id, commit, files, total, cached);
  }
  void progress(Progress const&) override {}

 private:
  EnsureListener* listener_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(Options options, Parts parts) {
  return std::make_unique<EngineImpl>(std::move(options), parts);
}

EngineImpl::EngineImpl(Options options, Parts parts)
    : context_(std::move(options), parts),
      tasks_(parts.executor, [this](std::exception_ptr) { context_.parts.log.error("a task of the engine ended by an exception"); }),
      verifier_(context_),
      files_(context_, tasks_),
      revisions_(context_, tasks_),
      listings_(context_, tasks_),
      lookups_(context_, tasks_),
      contents_(context_),
      keeper_({context_, verifier_, files_.xet(), revisions_, tasks_}) {
  context_.drive = [this](std::shared_ptr<TransferJob> job) {
    if (!context_.stopping) tasks_.spawn("transfer", drive(std::move(job)));  // else its row stays for the next start
  };
  context_.adopt_later = [this](std::string path, std::string etag) { verifier_.enqueue(std::move(path), std::move(etag)); };
}

Async<void> EngineImpl::start() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  context_.parts.files.resume();
  auto open = [this] { return recover(); };
  auto rows = co_await net::offload(context_.parts.disk, open);
  if (!rows) co_return rows.error();
  for (auto& row : *rows) tasks_.spawn("resume transfer", go_on(std::move(row)));
  auto busy = [this] {
    return std::any_of(running_.begin(), running_.end(), [](auto const& running) { return !running.second->paused(); });
  };
  tasks_.spawn("verify foreign blobs", verifier_.run(busy));
  tasks_.spawn("pace bytes", context_.desk.pace());
  tasks_.spawn("collect recipes", collect());
  co_return Result<void>();
}

asio::awaitable<void> EngineImpl::collect() {
  constexpr auto pause = std::chrono::hours(6);
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  while (!context_.stopping) {
    auto work = [this] { return collect_recipes(context_); };
    auto const collected = co_await net::offload(context_.parts.disk, work);
    if (!collected && collected.error().kind != ErrorKind::cancelled) context_.parts.log.warning(collected.error().what);
    bool const slept = co_await context_.parts.timers.sleep_for(pause);
    if (!slept) co_return;
  }
}

Result<std::vector<Journal::Row>> EngineImpl::recover() {
  auto const made = context_.parts.files.make_directories(context_.partials, 0700);
  if (!made) return made.error();
  auto const& folder = context_.options.database_folder.empty() ? context_.options.state_folder : context_.options.database_folder;
  auto ledger = Ledger::open(context_.parts.files, folder + "/content.db");
  if (!ledger) return ledger.error();
  context_.ledger = std::move(*ledger);
  auto journal = Journal::open(folder + "/transfers.db");
  if (!journal) return journal.error();
  context_.journal = std::move(*journal);
  // A write-ahead log that a process left behind at its death may have no durable name yet, and SQLite gives one only to logs it makes.
  auto const named = context_.parts.files.sync_directory(folder);
  if (!named) return named.error();
  auto chunks = store::Store::open(context_.parts.files, context_.options.state_folder + "/recipes", folder + "/chunks.db");
  if (!chunks) return chunks.error();
  context_.store = std::move(*chunks);
  auto const swept = sweep_partials(context_.parts.files, *context_.ledger, context_.partials, context_.clock().wall());
  if (!swept) return swept.error();
  auto const tidied = sweep_scratch(context_.parts.files, context_.parts.cache.layout().root());
  if (!tidied) return tidied.error();
  auto rows = context_.journal->all();
  if (!rows) return rows.error();
  std::vector<Journal::Row> detached;
  for (auto& row : *rows) {
    if (row.detached) {
      detached.push_back(std::move(row));
      continue;
    }
    auto const removed = context_.journal->remove(row.id);  // its callers went with the daemon; the bytes stay
    if (!removed) return removed.error();
  }
  return detached;
}

asio::awaitable<void> EngineImpl::go_on(Journal::Row row) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  std::string problem = "it names no commit or no file";
  auto const commit = Commit::parse(row.commit);
  while (commit && !row.paths.empty()) {
    Caller caller;
    caller.principal = row.principal;
    caller.endpoint = row.repo.endpoint;
    Selection selection;
    selection.files = row.paths;
    auto const chosen = co_await listings_.choose(row.repo, *commit, row.revision, selection, caller, row.local_dir);
    if (chosen) {
      TransferTask task{caller, row.repo, row.revision, *commit, chosen->files, row.local_dir, false, false, true, 0, row.priority, row.paused_by};
      if (context_.stopping) co_return;
      auto const job = join_or_begin(std::move(task), row.id);
      if (job->id() == row.id) co_return;
      auto noting = note_detached(job);  // a caller was quicker, and its row stands for both
      co_await std::move(noting);
      problem.clear();
      break;
    }
    problem = chosen.error().what;
    if (!hub_is_away(chosen.error())) break;
    // Often the network comes up after hubd.
    bool const slept = co_await context_.parts.timers.sleep_for(resume_again);
    if (!slept || context_.stopping) co_return;  // the row stays for the next start
  }
  if (!problem.empty()) context_.parts.log.warning("a transfer from before the restart cannot go on: " + problem);
  auto forgetting = forget_row(row.id);
  co_await std::move(forgetting);
}

asio::awaitable<void> EngineImpl::tell_journal(std::function<Result<void>(Journal&)> note) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto tell = [&] { return note(*context_.journal); };
  auto const told = co_await net::offload(context_.parts.disk, tell);
  if (!told) context_.parts.log.warning(told.error().what);
}

asio::awaitable<void> EngineImpl::forget_row(std::string id) {
  return tell_journal([id = std::move(id)](Journal& journal) { return journal.remove(id); });
}

asio::awaitable<void> EngineImpl::stop() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  context_.stopping = true;
  context_.parts.files.interrupt();
  for (auto const& [id, job] : running_)
    if (!job->shelved()) job->stop(stopping_error());
  files_.stop_all();
  tasks_.cancel();
  auto joining = tasks_.join();
  co_await std::move(joining);
}

Async<Revisions::Resolved> EngineImpl::resolve_for(EnsureRequest const& request) {
  if (context_.stopping) co_return stopping_error();
  auto const allowed = co_await context_.parts.entitlement.may_read(request.caller.principal, request.repo, request.caller.token);
  if (!allowed) co_return allowed.error();
  auto const checked = cache::check_revision(request.revision);
  if (!checked) co_return checked.error();
  auto revision = co_await revisions_.resolve(request.repo, request.revision, request.caller);
  if (revision) context_.totals.requests += revision->requests;
  co_return revision;
}

Async<EngineImpl::Target> EngineImpl::find_target(EnsureRequest const& request) {
  auto revision = co_await resolve_for(request);
  if (!revision) co_return revision.error();
  auto chosen = co_await listings_.choose(request.repo, revision->commit, request.revision, request.selection, request.caller, request.local_dir, request.force);
  if (!chosen) co_return chosen.error();
  context_.totals.requests += chosen->requests;
  Target target{std::move(*revision), std::move(*chosen)};
  co_return target;
}

Async<EngineImpl::Target> EngineImpl::find_target_in_time(EnsureRequest const& request) {
  net::Within<Target> limited(context_.parts.timers, request.caller.deadline);
  std::function<Async<Target>()> find = [this, &request] { return find_target(request); };
  auto late = fail(ErrorKind::deadline_exceeded,
                   describe(request.repo) + " at " + request.revision + " could not be looked up at " + request.repo.endpoint +
                       " by the caller's deadline");
  late.host = request.repo.endpoint;
  auto target = co_await limited.run(std::move(find), std::move(late));
  co_return target;
}

asio::awaitable<void> EngineImpl::narrate(EnsureRequest const& request, EnsureListener& listener) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  while (true) {
    bool const slept = co_await context_.parts.timers.sleep_for(narrate_every);
    if (!slept) co_return;
    Progress progress;
    progress.waiting_for = context_.parts.windows->waiting_for(request.repo.endpoint, request.caller.token);
    if (!progress.waiting_for.empty()) listener.progress(progress);
  }
}

Async<EngineImpl::Target> EngineImpl::find_target_aloud(EnsureRequest const& request, EnsureListener* listener) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto on_bug = [this](std::exception_ptr) { context_.parts.log.error("saying what a lookup waits for ended by an exception"); };
  net::TaskGroup speaking(context_.parts.executor, on_bug);
  if (listener != nullptr && context_.parts.windows != nullptr) speaking.spawn("say what is waited for", narrate(request, *listener));
  auto target = co_await find_target_in_time(request);
  speaking.cancel();
  auto joining = speaking.join();
  co_await std::move(joining);
  co_return target;
}

Async<std::optional<EnsureResult>> EngineImpl::answer_from_disk(EnsureRequest const& request, Target const& target) {
  std::optional<EnsureResult> result;
  if (request.force || !request.local_dir.empty()) co_return result;
  auto const& commit = target.revision.commit;
  std::vector<std::pair<std::string, std::string>> unverified;
  std::vector<EnsuredFile> files;
  std::string warning;
  auto look = [&]() -> Result<bool> {
    files.reserve(target.chosen.files.size());
    for (auto const& file : target.chosen.files) {
      auto const seen = look_at(context_.parts.cache, *context_.ledger, request.repo, commit, file);
      if (!seen) return seen.error();
      if (!seen->pointer || !seen->usable(request.require_verified)) return false;
      if (seen->state == Seen::State::unverified && hashed_at_once(file)) return false;  // by a transfer, which hashes it
      if (seen->state == Seen::State::unverified) unverified.emplace_back(seen->blob, file.etag());
      files.push_back(ensured_in_cache(request.repo, commit, file, seen->state == Seen::State::verified));
    }
    warning = name_commit(request, target);
    return true;
  };
  auto const here = co_await net::offload(context_.parts.disk, look);
  if (!here) co_return here.error();
  if (!*here) co_return result;
  for (auto& [path, etag] : unverified) verifier_.enqueue(std::move(path), std::move(etag));
  result = begin_answer(request, target);
  if (result->warning.empty()) result->warning = std::move(warning);
  result->files = std::move(files);
  co_return result;
}

EnsuredFile EngineImpl::ensured_in_cache(RepoRef const& repo, Commit const& commit, ListedFile const& file, bool verified) const {
  auto const& layout = context_.parts.cache.layout();
  EnsuredFile ensured;
  ensured.path = file.path;
  ensured.size = file.size;
  ensured.etag = file.etag();
  ensured.relative_path = layout.pointer_relative(repo, commit, file.path);
  ensured.absolute_path = layout.pointer(repo, commit, file.path);
  ensured.verified = verified;
  ensured.from_cache = true;
  return ensured;
}

std::string EngineImpl::name_commit(EnsureRequest const& request, Target const& target) {
  if (!request.local_dir.empty() || target.revision.stale) return {};
  // The files are here: a name that cannot be written (a branch "v1/fix" beside a tag "v1") is no reason to fail.
  auto const named = context_.parts.cache.write_ref(request.repo, request.revision, target.revision.commit);
  return named ? std::string() : named.error().what;
}

EnsureResult EngineImpl::begin_answer(EnsureRequest const& request, Target const& target) const {
  EnsureResult result{target.revision.commit, "", "", {}, 0, 0, target.revision.stale, target.revision.warning};
  if (result.warning.empty()) result.warning = target.chosen.warning;
  result.requests = target.revision.requests + target.chosen.requests;
  if (!request.local_dir.empty()) {
    result.snapshot_path = request.local_dir;
    return result;
  }
  auto const& layout = context_.parts.cache.layout();
  result.snapshot_path = layout.snapshot(request.repo, target.revision.commit);
  result.snapshot_relative = result.snapshot_path.substr(layout.root().size() + 1);
  return result;
}

Async<EnsureResult> EngineImpl::ensure(EnsureRequest request, EnsureListener* listener) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto target = co_await find_target_aloud(request, listener);
  if (!target) co_return target.error();
  auto const& commit = target->revision.commit;
  Bytes total = 0;
  for (auto const& file : target->chosen.files) total += file.size;
  auto here = co_await answer_from_disk(request, *target);
  if (!here) co_return here.error();
  if (*here) {
    if (listener != nullptr) listener->started("", commit, target->chosen.files.size(), total, total);
    co_return std::move(**here);
  }
  if (context_.stopping) co_return stopping_error();
  TransferTask task{request.caller, request.repo,  request.revision,         commit,        target->chosen.files,
                    request.local_dir, request.force, request.require_verified, request.detach, request.max_workers, request.priority, ""};
  auto const running = running_.size();
  auto const job = join_or_begin(std::move(task));
  bool const first = running_.size() > running;
  TransferJob::Lease const lease(job, !request.detach);
  if (request.detach) {  // whoever leaves once it has begun relies on it
    auto noting = note_detached(job);
    co_await std::move(noting);
  }
  if (listener != nullptr) listener->started(job->id(), commit, target->chosen.files.size(), total, job->progress().bytes_cached);
  std::function<void()> tell = [&] {
    if (listener == nullptr) return;
    auto progress = job->progress();
    progress.deadline_seconds = left_until(request.caller.deadline);
    listener->progress(progress);
  };
  auto waiting = wait_for(job, request.caller.deadline, std::move(tell));
  auto const ended = co_await std::move(waiting);
  if (!ended) co_return ended.error();
  if (listener != nullptr) listener->progress(job->progress());
  auto result = co_await answer(request, *target, *job, !first);
  // What this transfer had brought before we came may have been deleted since: then we want it once more.
  if (!result && result.error().kind == ErrorKind::local_entry_not_found) {
    OnlyBeginnings beginnings(listener);
    auto again = ensure(std::move(request), &beginnings);
    result = co_await std::move(again);
    co_return result;
  }
  if (result && !first) result->requests = target->revision.requests + target->chosen.requests;
  co_return result;
}

Async<EnsureResult> EngineImpl::answer(EnsureRequest const& request, Target const& target, TransferJob const& job, bool joined) {
  auto const& commit = target.revision.commit;
  auto result = begin_answer(request, target);
  result.bytes_fetched = job.bytes_fetched();
  result.requests += job.requests();
  auto const gone = [&](std::string const& path) {
    return fail(ErrorKind::local_entry_not_found, "file " + path + " of " + describe(request.repo) + " was here and was deleted by another program; run the same again");
  };
  auto collect = [&]() -> Result<void> {
    for (auto const& file : target.chosen.files) {
      EnsuredFile ensured;
      if (request.local_dir.empty()) {
        auto const seen = look_at(context_.parts.cache, *context_.ledger, request.repo, commit, file);
        if (!seen) return seen.error();
        if (joined && (!seen->pointer || seen->state == Seen::State::absent)) return gone(file.path);
        ensured = ensured_in_cache(request.repo, commit, file, seen->state == Seen::State::verified);
      } else {
        ensured.path = file.path;
        ensured.size = file.size;
        ensured.etag = file.etag();
        ensured.absolute_path = request.local_dir + "/" + file.path;
        auto const stat = context_.parts.files.stat(ensured.absolute_path);
        if (joined && !stat) return gone(file.path);
        ensured.verified = stat && judge(*context_.ledger, *stat, file) == Seen::State::verified;
      }
      ensured.from_cache = !job.moved(file.path);
      result.files.push_back(std::move(ensured));
    }
    auto warning = name_commit(request, target);
    if (result.warning.empty()) result.warning = std::move(warning);
    return {};
  };
  auto const collected = co_await net::offload(context_.parts.disk, collect);
  if (!collected) co_return collected.error();
  co_return result;
}

std::shared_ptr<TransferJob> EngineImpl::join_or_begin(TransferTask task, std::string id) {
  auto const key = key_of(task);
  auto const found = by_task_.find(key);
  if (found != by_task_.end() && !found->second->stopping() && !found->second->ended()) {
    auto const& job = found->second;
    if (task.detached) job->detach();
    auto note = [id = job->id(), priority = task.priority](Journal& journal) { return journal.set_priority(id, priority); };
    if (job->raise(task.priority)) tasks_.spawn("note priority", tell_journal(std::move(note)));
    return job;
  }
  // One that is parked for the same goes on at once, now that somebody asks for it.
  EventLog events;
  for (auto const& [parked_id, parked] : parked_) {
    if (parked.key != key) continue;
    if (id.empty() || id == parked_id) {
      task.priority = std::max(task.priority, parked.job->task().priority);
      task.detached = task.detached || parked.job->task().detached;  // who asks and leaves again does not end it
      id = parked_id;
      events = parked.job->events();
      tries_[id] = {parked.attempt, parked.since};
      parked_.erase(parked_id);
    }
    break;
  }
  auto const number = next_transfer_++;
  if (id.empty()) id = "t" + std::to_string(number) + "-" + context_.parts.random.hex(6);
  auto job = std::make_shared<TransferJob>(context_, files_, verifier_, id, sched::TransferKey{number}, std::move(task), std::move(events));
  by_task_.insert_or_assign(key, job);
  running_.emplace(id, job);
  tasks_.spawn("transfer", drive(job));
  return job;
}

asio::awaitable<void> EngineImpl::drive(std::shared_ptr<TransferJob> job) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto moving = TransferJob::live(job);
  co_await std::move(moving);
  if (job->shelved()) co_return;
  auto const key = key_of(job->task());
  auto const found = by_task_.find(key);
  if (found != by_task_.end() && found->second == job) by_task_.erase(found);
  running_.erase(job->id());
  if (job->parks() && !context_.stopping) {
    park(job, key);
    co_return;
  }
  tries_.erase(job->id());
  note_finished(job->task().caller.principal, job->info(), job->events());
}

void EngineImpl::note_finished(Principal principal, TransferInfo info, EventLog events) {
  events.add(TransferEvent::Kind::ended, context_.clock().wall(), info.error ? info.state + ": " + describe(*info.error) : info.state);
  finished_.push_back({principal, std::move(info), std::move(events)});
  if (finished_.size() > finished_max) finished_.pop_front();
}

Async<PlanResult> EngineImpl::plan(EnsureRequest request) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto const target = co_await find_target_in_time(request);
  if (!target) co_return target.error();
  auto const& commit = target->revision.commit;
  PlanResult plan{commit, {}};
  plan.requests = target->revision.requests + target->chosen.requests;
  bool const local = !request.local_dir.empty();
  std::set<std::string> contents;
  sched::DiskBudget::Needs needs;
  std::vector<std::size_t> by_xet;  // of plan.files
  auto const ours = context_.parts.cache.layout().repo(request.repo) + "/";
  auto measure = [&]() -> Result<void> {
    cache::LocalDir folder(context_.parts.files, context_.parts.random, context_.clock(), request.local_dir);
    for (auto const& file : target->chosen.files) {
      PlannedFile planned;
      planned.path = file.path;
      planned.size = file.size;
      planned.etag = file.etag();
      if (local) {
        planned.local_path = folder.file(file.path);
        auto const found = folder.find(file.path);
        if (!found) return found.error();
        planned.cached = *found && (*found)->stat.size == file.size && (*found)->metadata && (*found)->metadata->etag == file.etag();
      } else {
        planned.local_path = context_.parts.cache.layout().pointer(request.repo, commit, file.path);
        auto const seen = look_at(context_.parts.cache, *context_.ledger, request.repo, commit, file);
        if (!seen) return seen.error();
        planned.cached = seen->usable(false) || seen->state == Seen::State::edited;
      }
      auto const holder = planned.cached ? std::string() : find_holder(context_.parts.files, *context_.ledger, file, "");
      if (!holder.empty()) planned.cached = true;
      if (request.force) planned.cached = false;
      bool const elsewhere = !holder.empty() && !holder.starts_with(ours);
      if (planned.cached) (elsewhere ? planned.bytes_others : planned.bytes_repo) = file.size;
      bool const counted = !contents.insert(file.etag()).second && !local;  // two names of one content move once
      Bytes const kept = planned.cached ? 0 : transfer::Partial::claimed(context_.parts.files, context_.partials, file.etag(), file.size);
      planned.bytes_network = planned.cached || counted ? 0 : file.size - std::min(kept, file.size);
      auto const partial = context_.parts.files.lstat(context_.partials + "/" + file.etag() + ".partial");
      Bytes const stands = partial ? std::min(partial->allocated, file.size) : 0;
      if (!planned.cached && !counted) needs[local ? planned.local_path : file.etag()] = file.size - stands;
      plan.bytes_total += file.size;
      plan.bytes_cached += planned.cached ? file.size : 0;
      plan.bytes_resumable += std::min(kept, file.size);
      if (!planned.cached && !counted && comes_by_xet(context_, request.caller, file)) by_xet.push_back(plan.files.size());
      plan.files.push_back(std::move(planned));
    }
    auto const free = context_.parts.files.free_space(context_.parts.cache.layout().root());
    if (!free) return free.error();
    plan.bytes_free = *free;
    return {};
  };
  auto const measured = co_await net::offload(context_.parts.disk, measure);
  if (!measured) co_return measured.error();
  XetPlan sources(context_, files_.xet(), request.repo, commit, request.caller);
  for (auto const i : by_xet) sources.add(target->chosen.files[i], plan.files[i]);
  if (request.want_sources) {
    auto const asked = co_await sources.run();
    plan.requests += asked;
  }
  for (auto const& file : plan.files) {
    plan.bytes_network += file.bytes_network;
    plan.bytes_repo += file.bytes_repo;
    plan.bytes_others += file.bytes_others;
    if (file.unknown) ++plan.files_unknown;
  }
  plan.bytes_floor = context_.tuning.free_floor;
  plan.fits = context_.disk.ask(needs, plan.bytes_free, plan.bytes_floor).fits;
  co_return plan;
}

Async<ReadyResult> EngineImpl::ready(EnsureRequest request) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  ReadyResult ready;
  auto const allowed = co_await context_.parts.entitlement.may_read(request.caller.principal, request.repo, request.caller.token);
  if (!allowed) co_return allowed.error();
  auto const checked = cache::check_revision(request.revision);
  if (!checked) co_return checked.error();
  auto const revision = co_await revisions_.resolve_locally(request.repo, request.revision);
  if (!revision) {
    ready.reason = revision.error().what;
    co_return ready;
  }
  ready.commit = revision->commit.hex();
  auto const listing = co_await listings_.stored(request.repo, revision->commit, request.local_dir);
  if (!listing) co_return listing.error();
  if (!*listing && request.selection.files.empty()) {
    ready.reason = "the files of " + describe(request.repo) + " at " + ready.commit + " are not known here; download it once";
    co_return ready;
  }
  auto look = [&]() -> Result<void> {
    std::set<std::string> const named(request.selection.files.begin(), request.selection.files.end());
    std::set<std::string> known;
    cache::LocalDir folder(context_.parts.files, context_.parts.random, context_.clock(), request.local_dir);
    Listing const none;
    for (auto const& file : *listing ? **listing : none) {
      if (named.empty() ? !request.selection.filter.keeps(file.path) : !named.contains(file.path)) continue;
      known.insert(file.path);
      ++ready.files_total;
      Seen seen;
      if (request.local_dir.empty()) {
        auto const looked = look_at(context_.parts.cache, *context_.ledger, request.repo, revision->commit, file);
        if (!looked) return looked.error();
        seen = *looked;
      } else {
        auto const stat = context_.parts.files.stat(folder.file(file.path));
        seen.pointer = stat.has_value();
        if (stat) seen.state = judge(*context_.ledger, *stat, file);
      }
      bool const there = seen.pointer && seen.state != Seen::State::absent && seen.state != Seen::State::wrong;
      if (!there) ready.missing.push_back(file.path);
      else if (seen.state != Seen::State::verified) ready.unverified.push_back(file.path);
    }
    // Named files of a commit without a listing: their pointers say what they must be.
    for (auto const& name : named) {
      if (known.contains(name)) continue;
      ++ready.files_total;
      auto const present = context_.parts.cache.find_file(request.repo, revision->commit, name);
      if (!present) return present.error();
      bool const listed = listing->get() != nullptr;
      if (listed || !*present || !ContentId::parse((*present)->etag)) ready.missing.push_back(name);
      else if (context_.ledger->look((*present)->stat, (*present)->etag) != Ledger::Verdict::verified) ready.unverified.push_back(name);
    }
    return {};
  };
  auto const looked = co_await net::offload(context_.parts.disk, look);
  if (!looked) co_return looked.error();
  ready.ready = ready.missing.empty() && ready.unverified.empty();
  if (!ready.missing.empty())
    ready.reason = std::to_string(ready.missing.size()) + " of " + std::to_string(ready.files_total) + " files are missing, the first is " + ready.missing.front();
  else if (!ready.unverified.empty())
    ready.reason = std::to_string(ready.unverified.size()) + " of " + std::to_string(ready.files_total) + " files are not verified, the first is " + ready.unverified.front();
  co_return ready;
}

Async<LookupResult> EngineImpl::lookup(LookupRequest request) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  if (context_.stopping) co_return stopping_error();
  auto late = fail(ErrorKind::deadline_exceeded, request.caller.endpoint + " did not answer " + request.path + " by the caller's deadline");
  late.host = request.caller.endpoint;
  net::Within<LookupResult> limited(context_.parts.timers, request.caller.deadline);
  std::function<Async<LookupResult>()> ask = [this, &request] { return lookups_.ask(request); };
  auto result = co_await limited.run(std::move(ask), std::move(late));
  co_return result;
}

Async<std::shared_ptr<Content>> EngineImpl::content(ContentRequest request) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  if (auto const commit = Commit::parse(request.revision))
    if (auto known = contents_.recall(request.repo, *commit, request.path, request.caller.token)) {
      auto const allowed = co_await context_.parts.entitlement.may_read(request.caller.principal, request.repo, request.caller.token);
      if (!allowed) co_return allowed.error();
      co_return known;
    }
  EnsureRequest wanted;
  wanted.caller = request.caller;
  wanted.repo = request.repo;
  wanted.revision = request.revision;
  wanted.selection.files = {request.path};
  auto revision = co_await resolve_for(wanted);
  if (!revision) co_return revision.error();
  if (auto known = contents_.recall(request.repo, revision->commit, request.path, request.caller.token)) co_return known;
  auto const chosen = co_await listings_.choose(wanted.repo, revision->commit, wanted.revision, wanted.selection, wanted.caller, "");
  if (!chosen) co_return chosen.error();
  context_.totals.requests += chosen->requests;
  auto content = contents_.add(request.caller, request.repo, revision->commit, chosen->files.front());
  co_return content;
}

std::vector<TransferInfo> EngineImpl::transfers(Principal principal, bool include_finished) {
  std::vector<TransferInfo> list;
  if (include_finished)
    for (auto const& finished : finished_)
      if (finished.principal == principal) list.push_back(finished.info);
  for (auto const& [id, parked] : parked_)
    if (parked.job->task().caller.principal == principal) list.push_back(info_of(parked));
  for (auto const& [id, job] : running_)
    if (job->task().caller.principal == principal) list.push_back(job->info());
  return list;
}

Result<std::shared_ptr<TransferJob>> EngineImpl::find(Principal principal, std::string const& id) {
  auto const found = running_.find(id);
  if (found != running_.end() && found->second->task().caller.principal == principal) return found->second;
  return fail(ErrorKind::entry_not_found, "there is no transfer " + id + "; see `hubctl transfers ls`");
}

Result<TransferInfo> EngineImpl::transfer(Principal principal, std::string const& id) {
  auto const job = find(principal, id);
  if (job) return (*job)->info();
  if (auto const* const parked = find_parked(principal, id)) return info_of(*parked);
  for (auto const& finished : finished_)
    if (finished.principal == principal && finished.info.id == id) return finished.info;
  return job.error();
}

Totals EngineImpl::totals() const {
  auto totals = context_.totals;
  for (auto const& [id, job] : running_) {
    if (job->paused()) continue;  // no reason to stay awake
    if (job->waits_for_something()) ++totals.transfers_waiting;
    else ++totals.transfers_running;
  }
  totals.unverified_blobs = verifier_.waiting();
  totals.transfers_parked = parked_.size();
  return totals;
}

void EngineImpl::noted(std::string blob, std::string etag, bool matches) {
  if (!matches) context_.parts.log.warning(blob + " does not hash to its name; it is fetched again when it is asked for");
  verifier_.enqueue(std::move(blob), std::move(etag));
}

}  // namespace hubd::engine
