// SPDX-License-Identifier: Apache-2.0
#include "core/engine/transfer_job.h"

#include <algorithm>

#include "core/cache/local_dir.h"
#include "core/engine/inspect.h"
#include "core/transfer/partial.h"

namespace hubd::engine {
namespace {

constexpr auto tick = std::chrono::milliseconds(200);
constexpr auto slow_tick = std::chrono::seconds(1);  // while nothing moves: for who waits up to a deadline
constexpr std::size_t small_runners = 64;  // bounded by connections anyway
constexpr auto foreign_still_max = std::chrono::seconds(60);
constexpr int rounds_max = 8;              // somebody deletes a file as fast as it comes
constexpr auto silent_min = std::chrono::seconds(2);  // a request is waited for, rather than served
constexpr std::size_t shown_finished_max = 8;

/// Bytes that a stock client has so far of files beside this one in a local folder (hub-files 11).
Bytes incomplete_bytes(fs::FileSystem& files, std::string const& folder, std::string const& path) {
  auto place = folder + "/.cache/huggingface/download/" + path;
  place.resize(place.rfind('/'));
  auto const names = files.list(place);
  Bytes sum = 0;
  if (!names) return sum;
  for (auto const& name : *names) {
    auto const stat = name.ends_with(".incomplete") ? files.lstat(place + "/" + name) : Result<fs::Stat>(fs::Stat{});
    if (stat) sum += stat->size;
  }
  return sum;
}

/// What is waited for, the same while its seconds count down.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

}  // namespace

TransferJob::TransferJob(Context& context, FileJobs& files, Verifier& verifier, std::string id, sched::TransferKey key, TransferTask task, EventLog events)
    : context_(context),
      files_(files),
      verifier_(verifier),
      id_(std::move(id)),
      key_(key),
      task_(std::move(task)),
      created_(context.clock().wall()),
      changed_(context.parts.executor) {
  progress_.transfer_id = id_;
  progress_.files_total = task_.files.size();
  for (auto const& file : task_.files) progress_.bytes_total += file.size;
  events_ = std::move(events);
  stands_since_ = created_;
  tell(paused() ? TransferEvent::Kind::paused : TransferEvent::Kind::queued, paused() ? "by " + task_.paused_by : describe(task_.repo));
  refresh();
}

void TransferJob::stop(Error why) {
  if (!stop_) stop_ = boxed(std::move(why));
  nudge();
}

void TransferJob::nudge() {
  if (internal_) internal_->notify();
  if (!shelved_) return;
  shelved_ = false;
  context_.drive(shared_from_this());
}

void TransferJob::lease(bool waits) {
  ++leases_;
  if (waits) ++waiters_;
  reweigh();
  nudge();  // somebody looks on now
}

bool TransferJob::parks() const {
  if (!error_ || error_->kind == ErrorKind::cancelled) return false;
  // A folder of somebody's own is not written to behind his back, and one call's offline is not the host's.
  if ((!task_.local_dir.empty() && !task_.detached) || task_.caller.offline) return false;
  bool const full = error_->kind == ErrorKind::disk_full && (task_.detached || fetched_ > 0);
  // No descriptor was free: others end and give theirs back.
  bool const crowded = error_->cause == std::errc::too_many_files_open || error_->cause == std::errc::too_many_files_open_in_system;
  return full || crowded || hub_is_away(*error_);
}

bool TransferJob::raise(sched::Priority priority) {
  if (priority <= task_.priority) return false;
  task_.priority = priority;
  tell(TransferEvent::Kind::raised, "to " + std::string(sched::name_of(priority)));
  reweigh();
  return true;
}

void TransferJob::reweigh() {
  if (place_) place_->change(task_.priority, waiters_ > 0);
  if (work_ == nullptr) return;
  for (auto const& [path, entry] : work_->active)
    if (entry.job != nullptr) entry.job->raise(task_.priority, waiters_ > 0);
}

void TransferJob::drop_lease(bool waits) {
  if (waits) --waiters_;
  reweigh();
  if (--leases_ > 0 || ended_) return;
  if (task_.detached) nudge();  // in line nobody needs to look after it
  else stop(fail(ErrorKind::cancelled, subject() + ": nobody waits for it any more"));
}

TransferInfo TransferJob::info() const {
  TransferInfo info;
  info.id = id_;
  info.repo = task_.repo;
  info.revision = task_.revision;
  info.commit = task_.commit.hex();
  info.progress = progress_;
  if (shelved_) info.progress.waiting_for = place_waited_for();
  info.bytes_fetched = fetched_;
  info.leases = static_cast<std::uint32_t>(leases_);
  info.detached = task_.detached;
  info.priority = task_.priority;
  info.created = created_;
  info.path = task_.local_dir.empty() ? context_.parts.cache.layout().snapshot(task_.repo, task_.commit) : task_.local_dir;
  if (error_) info.error = *error_;
  if (ended_ && !error_) info.state = "done";
  else if (paused() && !ended_) info.state = "paused";
  else if (ended_) info.state = error_->kind == ErrorKind::cancelled ? "cancelled" : "failed";
  else if (!waits_for_something() && progress_.bytes_done == 0 && fetched_ == 0) info.state = "queued";
  else info.state = waits_for_something() ? "waiting" : "running";
  return info;
}

net::TaskGroup::OnBug TransferJob::on_bug() {
  return [this](std::exception_ptr) {
    stop(fail(ErrorKind::internal, subject() + ": its transfer ended by an exception"));
  };
}

asio::awaitable<void> TransferJob::live(std::shared_ptr<TransferJob> self) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto& job = *self;
  job.internal_ = std::make_unique<net::Signal>(job.context_.parts.executor);
  while (!job.body_done_ && !job.stop_) {
    if (job.paused()) {
      job.place_.reset();
      auto resting = job.rest();
      co_await std::move(resting);
    } else if (!job.placed()) {
      auto standing = job.stand_in_line();
      co_await std::move(standing);
      if (job.nobody_looks_on()) {
        job.progress_.waiting_for.clear();
        job.progress_.waiting_for.shrink_to_fit();
        job.internal_.reset();
        job.shelved_ = true;
        co_return;
      }
    } else {
      auto trying = job.attempt();
      co_await std::move(trying);
    }
  }
  job.place_.reset();
  bool const unfinished = !job.body_done_ || (job.error_ && job.error_->kind == ErrorKind::cancelled);
  bool const failed = job.work_ != nullptr && job.work_->failure;
  if (unfinished && failed) job.error_ = boxed(*job.work_->failure);
  if (unfinished && !failed && job.stop_) job.error_ = job.stop_;
  bool const keep_row = job.task_.detached && job.context_.stopping && job.error_;
  bool const parks = job.parks();
  auto parked = job.row();  // whole: what was refused for lack of space was not noted yet
  parked.detached = true;
  auto forget = [&job, &parked, keep_row, parks]() -> Result<void> {
    if (keep_row) return {};
    if (parks) return job.context_.journal->put(parked);
    return job.context_.journal->remove(job.id_);
  };
  auto const forgotten = co_await net::offload(job.context_.parts.disk, forget);
  if (!forgotten) job.context_.parts.log.warning(forgotten.error().what);
  job.refresh();
  job.ended_ = true;  // nobody sees an end before it is one
  job.changed_.notify();
}

asio::awaitable<void> TransferJob::attempt() {
  if (work_ == nullptr) work_ = std::make_unique<Work>(task_.files.size());
  queue_unfinished();
  net::TaskGroup inner(context_.parts.executor, on_bug());
  inner.spawn("transfer", body());
  inner.spawn("ticker", ticker(tick));
  while (!body_done_ && !stop_ && !paused()) {
    bool const woken = co_await internal_->wait();
    if (!woken) stop(stopping_error());
  }
  inner.cancel();
  auto joining = inner.join();
  co_await std::move(joining);
  context_.disk.release(reservation_);
  reservation_ = {};
  if (!paused() || stop_ || !error_) co_return;
  error_.reset();  // how it broke off does not matter: it begins again where it was
  work_->failure.reset();
  body_done_ = false;
}

asio::awaitable<void> TransferJob::rest() {
  auto noting = note();
  co_await std::move(noting);
  at_rest_ = paused();
  changed_.notify();
  net::TaskGroup inner(context_.parts.executor, on_bug());
  inner.spawn("ticker", ticker(slow_tick));
  while (paused() && !stop_) {
    bool const woken = co_await internal_->wait();
    if (!woken) stop(fail(ErrorKind::unavailable, "hubd is stopping; the transfer is paused and stays so"));
  }
  inner.cancel();
  auto joining = inner.join();
  co_await std::move(joining);
  if (!stop_) {
    auto noting_again = note();
    co_await std::move(noting_again);
  }
  at_rest_ = false;
  refresh();
  changed_.notify();
}

asio::awaitable<void> TransferJob::stand_in_line() {
  bool const came = !place_;
  if (came) place_.emplace(context_.places, Places::Who{task_.caller.principal, task_.priority, waiters_ > 0}, [this] { nudge(); });
  if (placed()) co_return;
  if (came) {
    stands_since_ = context_.clock().wall();
    auto noting = note();  // a restart must know of it, although nothing of it has begun
    co_await std::move(noting);
    tell(TransferEvent::Kind::waiting, place_waited_for());
  }
  refresh();
  changed_.notify();
  net::TaskGroup inner(context_.parts.executor, on_bug());
  while (!placed() && !stop_ && !paused() && !nobody_looks_on()) {
    if (leases_ > 0 && inner.size() == 0) inner.spawn("ticker", ticker(slow_tick));  // for who waits up to a deadline
    bool const woken = co_await internal_->wait();
    if (!woken) stop(stopping_error());
  }
  inner.cancel();
  auto joining = inner.join();
  co_await std::move(joining);
  refresh();
  changed_.notify();
}

bool TransferJob::nobody_looks_on() const { return task_.detached && leases_ == 0 && place_ && !placed() && !stop_ && !paused(); }

std::string TransferJob::place_waited_for() const { return "a place: " + std::to_string(context_.places.held()) + " transfers are at work"; }

asio::awaitable<void> TransferJob::note() {
  auto const now = row();
  auto put = [&] { return context_.journal->put(now); };
  auto const noted = co_await net::offload(context_.parts.disk, put);
  unnoted_.reset();
  noted_ = noted_ || noted;
  changed_.notify();
  if (noted) co_return;
  unnoted_ = boxed(noted.error());
  context_.parts.log.warning(noted.error().what);
}

void TransferJob::queue_unfinished() {
  work_->small.clear();
  work_->large.clear();
  for (auto i = task_.files.size(); i-- > 0;)
    if (!work_->finished[i]) (task_.files[i].size <= context_.options.small_file_max ? work_->small : work_->large).push_back(i);
}

void TransferJob::pause(std::string by) {
  tell(TransferEvent::Kind::paused, "by " + by);
  stands_since_ = context_.clock().wall();
  task_.paused_by = std::move(by);
  task_.detached = true;
  refresh();
  nudge();
}

void TransferJob::resume() {
  tell(TransferEvent::Kind::resumed, "with " + human_size(progress_.bytes_done) + " here");
  task_.paused_by.clear();
  refresh();
  nudge();
}

asio::awaitable<void> TransferJob::body() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto const done = co_await bring_all();
  if (!done) error_ = boxed(done.error());
  body_done_ = true;
  nudge();
}

asio::awaitable<void> TransferJob::ticker(Duration every) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  while (!body_done_) {
    refresh();
    changed_.notify();
    bool const slept = co_await context_.parts.timers.sleep_for(every);
    if (!slept) co_return;
  }
}

std::string TransferJob::budget_key(ListedFile const& file) const {
  return task_.local_dir.empty() ? file.etag() : task_.local_dir + "/" + file.path;
}

void TransferJob::note_moved(ListedFile const& file) {
  work_->moved.insert(file.path);
  context_.disk.settled(budget_key(file));
}

void TransferJob::refresh() {
  auto const waiting = work_ == nullptr ? std::string() : measure(*work_);
  if (paused()) {
    progress_.rate = 0;
    progress_.eta_seconds = -1;
    progress_.waiting_for = "a resume, since it is paused by " + task_.paused_by + " (`hubctl transfers resume " + id_ + "` lets it go on)";
    return;
  }
  if (in_line()) progress_.waiting_for = place_waited_for();
  else progress_.waiting_for = waiting;
}

/// Returns what it waits for as a whole, or its files while none of them moves.
std::string TransferJob::measure(Work& work) {
  Bytes moving = 0;
  Bytes fetched = work.fetched_ended;
  progress_.files.clear();
  std::string waiting;
  bool any_moves = false;
  for (auto& [path, entry] : work.active) {
    FileProgress file{path, entry.file.size, 0, "queued"};
    if (auto const* const job = entry.job) {
      file.done = std::min(job->done(), file.total);
      file.state = job->state();
      if (entry.own) fetched += job->fetched();
      moving += file.done;
      auto const why = job->waiting_for();
      observe(path, entry, why);
      if (waiting.empty()) waiting = why;
      bool const moves = file.state == "fetching" || file.state == "verifying";
      any_moves = any_moves || (why.empty() && moves);
      if (moves && task_.local_dir.empty()) context_.disk.settled(budget_key(entry.file));  // partials are allocated whole
    }
    progress_.files.push_back(std::move(file));
  }
  for (auto& file : work.just_finished) progress_.files.push_back(std::move(file));
  work.just_finished.clear();
  fetched_ = std::max(fetched_, fetched);
  progress_.files_done = work.finished_files;
  progress_.bytes_done = std::max(progress_.bytes_done, std::min(work.finished_bytes + moving, progress_.bytes_total));
  progress_.bytes_cached = work.found_bytes;
  auto const now = context_.clock().now();
  work.meter.note(now, fetched_);
  progress_.rate = work.meter.bytes_per_second(now, fetched_);
  auto const rest = static_cast<double>(progress_.bytes_total - progress_.bytes_done);
  progress_.eta_seconds = progress_.rate > 1 ? rest / progress_.rate : -1;
  if (!work.waiting_for.empty()) return work.waiting_for;
  return any_moves ? std::string() : waiting;
}

void TransferJob::observe(std::string const& path, Active& entry, std::string const& waiting) {
  auto const route = entry.job->route();
  if (route != entry.route && !route.empty()) tell(TransferEvent::Kind::route, path + ": " + std::string(route) + " from " + entry.job->host());
  entry.route = route;
  auto now = without_numbers(waiting);
  if (now == entry.waiting) return;
  bool const goes_on = now.empty();
  entry.waiting = std::move(now);
  entry.since = context_.clock().wall();
  tell(goes_on ? TransferEvent::Kind::moving : TransferEvent::Kind::waiting, goes_on ? path : path + ": " + waiting);
}

std::vector<Wait> TransferJob::waits() const {
  std::vector<Wait> waits;
  if (paused()) {
    waits.push_back({Wait::Kind::resume, progress_.waiting_for, "", "", "", task_.paused_by, stands_since_, ""});
    return waits;
  }
  auto const& clock = context_.clock();
  auto const wall = [&](Time time) { return clock.wall() - std::chrono::duration_cast<WallTime::duration>(clock.now() - time); };
  if (in_line()) waits.push_back({Wait::Kind::place, place_waited_for(), "", "", "", "", stands_since_, ""});
  if (work_ == nullptr) return waits;
  if (!work_->waiting_for.empty()) waits.push_back({Wait::Kind::lock, work_->waiting_for, "", "", "", "", stands_since_, ""});
  auto const& desk = context_.desk;
  for (auto const& [path, entry] : work_->active) {
    auto const* const job = entry.job;
    if (job == nullptr) continue;
    Wait wait{Wait::Kind::upstream, job->waiting_for(), path, job->host(), std::string(job->route()), "", entry.since, ""};
    if (entry.waiting.empty() || entry.waiting != without_numbers(wait.what)) wait.since = clock.wall();  // since the last look
    auto const standing = job->standing();
    auto const views = job->ranges();
    auto const heard = [](transfer::RangeView const& view) { return view.last_byte.value_or(view.since); };
    auto const silent = std::min_element(views.begin(), views.end(), [&](auto const& a, auto const& b) { return heard(a) < heard(b); });
    if (silent != views.end() && !silent->route.host.empty()) {
      wait.host = silent->route.host;
      wait.address = silent->route.address;
    }
    if (job->waits_for_lock()) {
      wait.kind = Wait::Kind::lock;
      wait.holder = job->lock_holder();
    } else if (!wait.what.empty()) {
      if (wait.what.starts_with("the rate-limit window")) wait.kind = Wait::Kind::window;
    } else if (standing.bytes_since) {
      wait.kind = Wait::Kind::bandwidth;
      wait.what = "its turn for bytes, of " + human_size(desk.bandwidth().value_or(0)) + "/s for all transfers";
      wait.since = wall(*standing.bytes_since);
    } else if (standing.permits == 0 && standing.permit_since) {
      wait.kind = Wait::Kind::connection;
      wait.what = "its turn for a connection: " + std::to_string(desk.in_use()) + " of " + std::to_string(desk.limits().total) +
                  " are in use, at most " + std::to_string(desk.limits().per_host) + " to a host";
      wait.since = wall(*standing.permit_since);
    } else if (silent != views.end() && clock.now() - heard(*silent) >= silent_min) {
      wait.what = std::string(silent->last_byte ? "the next byte of " : "an answer for ") + silent->name;
      wait.since = wall(heard(*silent));
    }
    if (!wait.what.empty()) waits.push_back(std::move(wait));
  }
  return waits;
}

std::vector<Range> TransferJob::ranges() const {
  std::vector<Range> ranges;
  if (work_ == nullptr) return ranges;
  for (auto const& [path, entry] : work_->active) {
    if (entry.job == nullptr) continue;
    for (auto& view : entry.job->ranges()) ranges.push_back({path, std::move(view)});
  }
  return ranges;
}

Result<sched::DiskBudget::Needs> TransferJob::needs() {
  sched::DiskBudget::Needs needs;
  auto& files = context_.parts.files;
  bool const local = !task_.local_dir.empty();
  cache::LocalDir folder(files, context_.parts.random, context_.clock(), task_.local_dir);
  for (auto const& file : task_.files) {
    auto const key = budget_key(file);
    if (needs.contains(key)) continue;  // two names of one content
    if (!task_.force && local) {
      auto const found = folder.find(file.path);
      bool const said = found && *found && (*found)->metadata && (*found)->metadata->etag == file.etag();
      if (said && (*found)->stat.size == file.size) continue;
    } else if (!task_.force) {
      auto const seen = look_at(context_.parts.cache, *context_.ledger, task_.repo, task_.commit, file);
      if (seen && (seen->usable(false) || seen->state == Seen::State::edited)) continue;
      auto const holder = find_holder(files, *context_.ledger, file, "");
      if (!file.lfs_sha256.empty() && is_blob_path(context_.parts.cache.layout().root(), holder)) continue;  // another name
    }
    // An earlier attempt's partial is allocated whole and counted by the file system already.
    auto const partial = files.lstat(context_.partials + "/" + file.etag() + ".partial");
    Bytes const stands = partial ? std::min(partial->allocated, file.size) : 0;
    needs[key] = file.size - stands;
  }
  return needs;
}

Async<void> TransferJob::reserve() {
  Bytes free = 0;
  auto measure = [&]() -> Result<sched::DiskBudget::Needs> {
    auto const here = context_.parts.files.free_space(context_.options.state_folder);
    if (!here) return here.error();
    free = *here;
    if (!task_.local_dir.empty()) {
      // The folder may be on another file system, and may not exist yet.
      auto folder = task_.local_dir;
      while (folder.size() > 1 && !context_.parts.files.stat(folder)) folder.resize(std::max<std::size_t>(1, folder.rfind('/')));
      auto const there = context_.parts.files.free_space(folder);
      if (there) free = std::min(free, *there);
    }
    return needs();
  };
  auto const wanted = co_await net::offload(context_.parts.disk, measure);
  if (!wanted) co_return wanted.error();
  auto const decision = context_.disk.ask(*wanted, free, context_.tuning.free_floor);
  if (!decision.fits)
    co_return fail(ErrorKind::disk_full,
                   subject() + " needs " + human_size(decision.wanted) + " more on the disk of " +
                       (task_.local_dir.empty() ? context_.parts.cache.layout().root() : task_.local_dir) + ", " +
                       human_size(decision.shortfall) + " more than may be used (" + human_size(free) + " free, " +
                       human_size(context_.tuning.free_floor) + " stay free, " + human_size(context_.disk.reserved()) +
                       " reserved by other transfers); free space with `hubctl cache rm` or lower disk.free_floor");
  reservation_ = context_.disk.reserve(*wanted);
  tell(TransferEvent::Kind::admitted, "the disk has room");
  co_return Result<void>();
}

Journal::Row TransferJob::row() const {
  Journal::Row row;
  row.id = id_;
  row.principal = task_.caller.principal;
  row.repo = task_.repo;
  row.revision = task_.revision;
  row.commit = task_.commit.hex();
  for (auto const& file : task_.files) row.paths.push_back(file.path);
  row.local_dir = task_.local_dir;
  row.detached = task_.detached;
  row.priority = task_.priority;
  row.paused_by = task_.paused_by;
  row.created = created_;
  return row;
}

Async<void> TransferJob::bring_all() {
  auto reserving = co_await reserve();
  if (!reserving) co_return reserving.error();
  auto const wanted = row();  // made here: the pool must not look at what changes
  auto note = [&] { return context_.journal->put(wanted); };
  auto const noted = co_await net::offload(context_.parts.disk, note);
  if (!noted) co_return noted.error();
  noted_ = true;
  changed_.notify();
  auto const now = row();
  if (now.detached != wanted.detached || now.priority != wanted.priority) {  // meanwhile
    auto again = [&] { return context_.journal->put(now); };
    auto const kept = co_await net::offload(context_.parts.disk, again);
    if (!kept) co_return kept.error();
  }

  auto on_file_bug = [this](std::exception_ptr) {
    work_->failure = fail(ErrorKind::internal, subject() + ": a file ended by an exception");
    nudge();
  };
  net::TaskGroup runners(context_.parts.executor, on_file_bug);
  auto const at_a_time = task_.max_workers == 0 ? small_runners : task_.max_workers;
  auto const small = std::min({work_->small.size(), small_runners, at_a_time});
  auto const large = std::min({work_->large.size(), context_.options.files_in_flight, at_a_time});
  work_->running = small + large;
  for (std::size_t i = 0; i < small; ++i) runners.spawn("bring small files", runner(Lane::small));
  for (std::size_t i = 0; i < large; ++i) runners.spawn("bring large files", runner(Lane::large));
  bool cancelled = false;
  while (work_->running > 0 && !work_->failure && !cancelled) {
    bool const woken = co_await internal_->wait();
    cancelled = !woken;
  }
  runners.cancel();
  auto joining = runners.join();
  co_await std::move(joining);
  if (work_->failure) co_return *work_->failure;
  if (cancelled || work_->finished_files < task_.files.size()) co_return fail(ErrorKind::cancelled, subject() + " was cancelled");
  auto settle = [this]() -> Result<void> {
    if (!task_.local_dir.empty() || task_.files.empty()) return {};
    return context_.parts.cache.sync(task_.repo, task_.commit);
  };
  auto const settled = co_await net::offload(context_.parts.disk, settle);
  co_return settled;
}

asio::awaitable<void> TransferJob::runner(Lane lane) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto& queue = lane == Lane::small ? work_->small : work_->large;
  while (!queue.empty() && !work_->failure) {
    auto const index = queue.back();
    queue.pop_back();
    auto const& file = task_.files[index];
    work_->active[file.path] = {file, nullptr, false};
    auto const brought = co_await bring(file);
    work_->active.erase(file.path);
    if (!brought) {
      if (!work_->failure && brought.error().kind != ErrorKind::cancelled) work_->failure = brought.error();
      break;
    }
    work_->finished[index] = true;
    if (work_->moved.contains(file.path)) tell(TransferEvent::Kind::published, file.path);
    ++work_->finished_files;
    work_->finished_bytes += file.size;
    if (!work_->moved.contains(file.path)) work_->found_bytes += file.size;
    if (work_->just_finished.size() < shown_finished_max)
      work_->just_finished.push_back({file.path, file.size, file.size, work_->moved.contains(file.path) ? "published" : "cached"});
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) break;
  }
  --work_->running;
  nudge();
}

Async<void> TransferJob::bring(ListedFile file) {
  Result<void> brought;
  if (task_.local_dir.empty())
    brought = co_await bring_to_cache(file);
  else
    brought = co_await bring_to_folder(file);
  co_return brought;
}

Async<void> TransferJob::bring_to_cache(ListedFile file) {
  bool force = task_.force && !work_->forced.contains(file.etag());
  for (int round = 0; round < rounds_max; ++round) {
    std::string holder;
    auto look = [&]() -> Result<Seen> {
      auto seen = look_at(context_.parts.cache, *context_.ledger, task_.repo, task_.commit, file);
      if (!seen) return seen;
      bool const usable = seen->usable(task_.require_verified) && !force;
      if (usable && !seen->pointer) {
        auto const pointed = context_.parts.cache.write_pointer(task_.repo, task_.commit, file.path, file.etag());
        if (!pointed && pointed.error().kind == ErrorKind::local_entry_not_found) return Seen{};  // it vanished this moment
        if (!pointed) return pointed.error();
      }
      bool const missing = seen->state == Seen::State::absent || seen->state == Seen::State::wrong;
      if (missing && !force) holder = find_holder(context_.parts.files, *context_.ledger, file, seen->blob);
      return seen;
    };
    auto const seen = co_await net::offload(context_.parts.disk, look);
    if (!seen) co_return seen.error();
    bool const hash_first = seen->state == Seen::State::unverified && hashed_at_once(file);
    if (!force && !hash_first && seen->usable(task_.require_verified)) {
      if (seen->state == Seen::State::unverified) verifier_.enqueue(seen->blob, file.etag());
      co_return Result<void>();
    }
    if (!force && (seen->state == Seen::State::edited || seen->state == Seen::State::unverified)) {
      auto const hashed = co_await verifier_.hash_now(seen->blob, file.etag());
      if (!hashed && hashed.error().kind != ErrorKind::local_entry_not_found) co_return hashed.error();
      continue;
    }
    if (!holder.empty()) {
      auto const linked = co_await link_from_holder(file, holder);
      if (!linked) co_return linked.error();
      if (*linked) {
        note_moved(file);
        continue;
      }
    }
    auto const fetched = co_await fetch(file, force || seen->state == Seen::State::wrong);
    if (!fetched) co_return fetched.error();
    note_moved(file);
    work_->forced.insert(file.etag());
    force = false;
  }
  co_return fail(ErrorKind::io, "file " + file.path + " of " + subject() + " vanishes from the cache as fast as it comes; another program deletes it");
}

Async<bool> TransferJob::link_from_holder(ListedFile file, std::string holder) {
  auto link = [&]() -> Result<bool> {
    auto& cache = context_.parts.cache;
    auto const lock = cache.try_lock(task_.repo, file.etag());
    if (!lock) return lock.error();
    if (!*lock) return false;  // a stock client fetches it right now: wait for that in line
    bool const hard = !file.lfs_sha256.empty() && is_blob_path(cache.layout().root(), holder);
    auto const before = context_.parts.files.stat(holder);
    if (!before) return false;
    // Only bytes that still are the ones that were hashed may get this name: asked before they do.
    auto const still_good = [&](fs::Stat const& made) {
      if (hard) return judge(*context_.ledger, made, file) == Seen::State::verified;
      auto const after = context_.parts.files.stat(holder);
      return after && judge(*context_.ledger, *before, file) == Seen::State::verified &&
             judge(*context_.ledger, *after, file) == Seen::State::verified && made.size == file.size;
    };
    auto const linked = cache.link_blob(task_.repo, file.etag(), holder, hard, still_good);
    if (!linked) {
      auto const kind = linked.error().kind;
      if (kind == ErrorKind::local_entry_not_found || kind == ErrorKind::corrupt || kind == ErrorKind::busy) return false;
      return linked.error();
    }
    context_.ledger->record(*linked, file.etag(), true, cache.layout().blob(task_.repo, file.etag()));
    auto const pointed = cache.write_pointer(task_.repo, task_.commit, file.path, file.etag());
    if (!pointed && pointed.error().kind == ErrorKind::local_entry_not_found) return false;
    if (!pointed) return pointed.error();
    note_published(file, cache.layout().blob(task_.repo, file.etag()), hard && linked->links > 1 ? Published::Source::linked : Published::Source::copied);
    return true;
  };
  auto linked = co_await net::offload(context_.parts.disk, link);
  co_return linked;
}

/// On the disk pool.
void TransferJob::note_published(ListedFile const& file, std::string const& place, Published::Source source) {
  if (context_.parts.audit == nullptr) return;
  context_.parts.audit->published({task_.caller.principal, task_.caller.call, task_.repo, task_.commit, file.path, file.etag(), file.size, 0, source, place});
}

Async<void> TransferJob::bring_to_folder(ListedFile file) {
  cache::LocalDir folder(context_.parts.files, context_.parts.random, context_.clock(), task_.local_dir);
  auto const path = folder.file(file.path);
  bool force = task_.force;
  Bytes foreign = 0;
  auto moved = context_.clock().now();
  for (int round = 0; round < rounds_max; ++round) {
    enum class Next : std::uint8_t { done, hash, copied, fetch };
    auto look = [&]() -> Result<Next> {
      auto const found = folder.find(file.path);
      if (!found) return found.error();
      if (*found && !force && (*found)->stat.size == file.size) {
        auto const state = judge(*context_.ledger, (*found)->stat, file);
        bool const said = (*found)->metadata && (*found)->metadata->etag == file.etag();
        if (state == Seen::State::verified || (state == Seen::State::unverified && said && !task_.require_verified)) {
          auto const noted = folder.note(file.path, task_.commit, file.etag());
          if (!noted) return noted.error();
          return Next::done;
        }
        if (state != Seen::State::wrong) return Next::hash;
      }
      if (force) return Next::fetch;
      auto const holder = find_holder(context_.parts.files, *context_.ledger, file, path);
      if (holder.empty()) return Next::fetch;
      auto const placed = folder.place(file.path, task_.commit, file.etag(), holder, false);
      if (!placed) {
        if (placed.error().kind == ErrorKind::local_entry_not_found) return Next::fetch;
        return placed.error();
      }
      auto const after = context_.parts.files.stat(holder);
      auto const here = context_.parts.files.stat(path);
      if (!after || !here || judge(*context_.ledger, *after, file) != Seen::State::verified || here->size != file.size)
        return Next::hash;  // somebody wrote to the holder meanwhile: what was copied is not known
      context_.ledger->record(*here, file.etag(), true, path);
      note_published(file, path, Published::Source::copied);
      return Next::copied;
    };
    auto const next = co_await net::offload(context_.parts.disk, look);
    if (!next && next.error().kind == ErrorKind::busy) {  // a stock client holds the file's lock while it downloads it here
      --round;
      auto const now = context_.clock().now();
      auto measure = [&] { return incomplete_bytes(context_.parts.files, task_.local_dir, file.path); };
      Bytes const bytes = co_await net::offload(context_.parts.disk, measure);
      if (bytes != foreign || work_->waiting_for.empty()) moved = now;
      if (work_->waiting_for.empty()) stands_since_ = context_.clock().wall();
      foreign = bytes;
      work_->waiting_for = next.error().what;
      if (now - moved >= foreign_still_max) co_return next.error();
      bool const slept = co_await context_.parts.timers.sleep_for(tick);
      if (!slept) co_return next.error();
      continue;
    }
    work_->waiting_for.clear();
    if (!next) co_return next.error();
    if (*next == Next::done) co_return Result<void>();
    if (*next == Next::hash) {
      auto const hashed = co_await verifier_.hash_now(path, file.etag());
      if (!hashed && hashed.error().kind != ErrorKind::local_entry_not_found) co_return hashed.error();
      continue;
    }
    if (*next == Next::copied) {
      note_moved(file);
      continue;
    }
    auto const fetched = co_await fetch(file, force);
    if (!fetched) co_return fetched.error();
    note_moved(file);
    force = false;
  }
  co_return fail(ErrorKind::io, "file " + file.path + " in " + task_.local_dir + " changes as fast as it comes; another program writes it");
}

Async<void> TransferJob::fetch(ListedFile file, bool force) {
  while (true) {
    FileTask task{task_.repo, task_.commit, file, task_.local_dir, force, task_.caller, key_, task_.priority, waiters_ > 0};
    auto const same_as = task;
    auto use = co_await files_.use(std::move(task));
    if (!use) co_return use.error();
    auto& job = use->job();
    job.raise(task_.priority, waiters_ > 0);
    auto& entry = work_->active[file.path];
    entry.job = &job;
    entry.own = use->first();
    auto const done = co_await job.wait();
    auto& now = work_->active[file.path];
    now.job = nullptr;
    if (use->first()) {
      work_->fetched_ended += job.fetched();
      requests_ += job.requests();
    }
    if (done || use->first() || stop_) co_return done;
    // Another's job may fail for reasons that are not ours (its token, its repo): then this file has a job of its own.
    auto const kind = done.error().kind;
    bool const ours_too = job.same_access(same_as) || kind == ErrorKind::cancelled || kind == ErrorKind::disk_full ||
                          kind == ErrorKind::io || kind == ErrorKind::busy || kind == ErrorKind::unavailable;
    if (ours_too) co_return done;
  }
}

}  // namespace hubd::engine
