// SPDX-License-Identifier: Apache-2.0
#include "core/engine/file_job.h"

#include "core/cache/local_dir.h"
#include "core/engine/inspect.h"
#include "core/engine/routes.h"
#include "core/engine/windowed_http.h"
#include "core/http/url.h"
#include "core/transfer/file_transfer.h"
#include "core/transfer/retry.h"
#include "core/transfer/xet_transfer.h"

namespace hubd::engine {
namespace {

constexpr auto silence_told_min = std::chrono::seconds(1);
constexpr auto lock_poll = std::chrono::milliseconds(100);
constexpr auto lock_still_max = std::chrono::seconds(60);  // a foreign lock whose partial does not grow for so long

std::string host_of(std::string const& endpoint) {
  auto const url = http::parse_url(endpoint);
  return url ? url->origin.authority() : endpoint;
}

/// Failures that are the CAS's own, or that the plain route words better.
bool plain_route_may_serve(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::cancelled:
    case ErrorKind::deadline_exceeded:
    case ErrorKind::disk_full:
    case ErrorKind::io:
    case ErrorKind::permission_denied:
    case ErrorKind::offline:
    case ErrorKind::busy:
    case ErrorKind::unavailable:
    case ErrorKind::internal: return false;
    default: return true;
  }
}

/// Failures of the way, of which the caller should hear on both routes.
bool may_name_both(ErrorKind kind) {
  return kind == ErrorKind::unreachable || kind == ErrorKind::stalled || kind == ErrorKind::bad_upstream;
}

/// Bytes in the temporary files of a stock client that downloads this blob.
Bytes foreign_bytes(fs::FileSystem& files, std::string const& blobs, std::string const& etag) {
  Bytes sum = 0;
  auto const names = files.list(blobs);
  if (!names) return 0;
  for (auto const& name : *names) {
    if (!name.starts_with(etag) || !name.ends_with(".incomplete")) continue;
    auto const stat = files.lstat(blobs + "/" + name);
    if (stat) sum += stat->allocated + stat->size;
  }
  return sum;
}

}  // namespace

bool comes_by_xet(Context const& context, Caller const& caller, ListedFile const& file) {
  return context.options.xet && !caller.disable_xet && file.size >= context.options.small_file_max && xet::MerkleHash::parse(file.xet_hash);
}

FileJob::FileJob(Context& context, XetDesk& xet, FileTask task, sched::FileKey key)
    : context_(context),
      task_(std::move(task)),
      permits_(context.desk, {task_.caller.principal, task_.transfer, key, host_of(task_.repo.endpoint), task_.priority, task_.awaited}),
      xet_desk_(xet),
      changed_(context.parts.executor) {}

void FileJob::stop() {
  stop_ = true;
  changed_.notify();
}

void FileJob::raise(sched::Priority priority, bool awaited) { permits_.raise(priority, awaited); }

std::string FileJob::waiting_for() const {
  if (!lock_wait_.empty()) return lock_wait_;
  if (movement_ && !movement_->waiting_for().empty()) return movement_->waiting_for();
  auto const* const windows = context_.parts.windows;
  bool const moving = movement_ && movement_->fetched() > 0;
  return windows == nullptr || result_ || moving ? std::string() : windows->waiting_for(task_.repo.endpoint, task_.caller.token);
}

std::string_view FileJob::route() const {
  if (!movement_) return {};
  return xet_ != nullptr ? "cas" : "plain";
}

std::string FileJob::state() const {
  if (!waiting_for().empty()) return "waiting";
  if (!movement_ || movement_->fetched() + movement_->done() == 0) return "queued";
  return movement_->done() == task_.file.size ? "verifying" : "fetching";
}

Async<void> FileJob::wait() {
  while (!ended()) {
    bool const woken = co_await changed_.wait();
    if (!woken && !ended()) co_return fail(ErrorKind::cancelled, subject() + ": the caller left");
  }
  co_return result();
}

asio::awaitable<void> FileJob::live(std::shared_ptr<FileJob> self) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto& job = *self;
  auto on_bug = [&job](std::exception_ptr) {
    job.result_.emplace(fail(ErrorKind::internal, job.subject() + ": its transfer ended by an exception"));
    job.changed_.notify();
  };
  net::TaskGroup inner(job.context_.parts.executor, on_bug);
  inner.spawn("file job", job.body());
  while (!job.ended() && !job.stop_) {
    bool const woken = co_await job.changed_.wait();
    if (!woken) job.stop_ = true;
  }
  inner.cancel();
  auto joining = inner.join();
  co_await std::move(joining);
  job.changed_.notify();
}

asio::awaitable<void> FileJob::body() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto done = co_await work();
  result_.emplace(std::move(done));
  changed_.notify();
}

Async<std::unique_ptr<fs::Lock>> FileJob::lock() {
  auto const& etag = task_.file.etag();
  auto const blobs = context_.parts.cache.layout().blobs(task_.repo);
  Bytes grown = 0;
  auto moved = context_.clock().now();
  while (true) {
    auto take = [&] { return context_.parts.cache.try_lock(task_.repo, etag); };
    auto taken = co_await net::offload(context_.parts.disk, take);
    if (!taken) co_return taken.error();
    if (*taken) {
      lock_wait_.clear();
      co_return std::move(*taken);
    }
    std::string holder;
    auto look = [&] {
      if (lock_wait_.empty()) holder = context_.parts.cache.lock_holder(task_.repo, etag);
      return foreign_bytes(context_.parts.files, blobs, etag);
    };
    Bytes const bytes = co_await net::offload(context_.parts.disk, look);
    auto const now = context_.clock().now();
    if (lock_wait_.empty()) {
      lock_holder_ = holder;
      lock_wait_ = "the lock of " + task_.file.path + ", held by " + holder;
    }
    if (bytes != grown) {
      grown = bytes;
      moved = now;
    }
    if (now - moved >= lock_still_max)
      co_return fail(ErrorKind::busy, subject() + " waits for " + lock_wait_ + ", whose download has not grown for " +
                                          std::to_string(lock_still_max.count()) + " s; end that process, or wait for it, and try again");
    if (stop_) co_return fail(ErrorKind::cancelled, subject() + " was cancelled");
    bool const slept = co_await context_.parts.timers.sleep_for(lock_poll);
    if (!slept) co_return fail(ErrorKind::cancelled, subject() + " was cancelled");
  }
}

Async<void> FileJob::work() {
  if (!task_.local_dir.empty()) {
    if (context_.offline(task_.caller)) co_return not_here();
    auto done = co_await work_locked();
    co_return done;
  }
  auto const held = co_await lock();  // until this returns
  if (!held) co_return held.error();
  // What is missing was decided without the lock: a stock client may have published it meanwhile.
  auto look = [this] { return look_at(context_.parts.cache, *context_.ledger, task_.repo, task_.commit, task_.file); };
  auto const seen = co_await net::offload(context_.parts.disk, look);
  if (!seen) co_return seen.error();
  if (!task_.force && seen->usable(false)) co_return Result<void>();
  if (!task_.force && !task_.file.xet_hash.empty()) {
    auto link = [this] {
      auto& cache = context_.parts.cache;
      auto const& etag = task_.file.etag();
      auto made = cache.link_from_shared_store(task_.repo, etag, task_.file.xet_hash, task_.file.size);
      if (!made || !*made) return made;
      auto const blob = cache.layout().blob(task_.repo, etag);
      note_published(blob, Published::Source::linked);
      // Bytes that hubd knows have a place again, and a partial of them is of no use any more.
      if (context_.ledger->look(**made, etag) == Ledger::Verdict::verified) context_.ledger->record(**made, etag, true, blob);
      return made;
    };
    auto const linked = co_await net::offload(context_.parts.disk, link);
    if (linked && *linked) co_return Result<void>();
  }
  if (context_.offline(task_.caller)) co_return not_here();
  auto done = co_await work_locked();
  co_return done;
}

Error FileJob::not_here() const {
  return fail(ErrorKind::local_entry_not_found, subject() + " is not in the cache and hubd is offline; go online or download it first");
}

Async<void> FileJob::work_locked() {
  auto const id = ContentId::parse(task_.file.etag());
  if (!id) co_return fail(ErrorKind::bad_upstream, subject() + " has no usable hash in the Hub's listing");
  auto const access = xet_access();
  Result<void> moved = fail(ErrorKind::not_supported, "not a Xet file");
  if (access) {
    moved = co_await move_by_xet(*id, access);
    if (!moved && !plain_route_may_serve(moved.error().kind)) co_return moved.error();
    if (!moved) {
      xet_desk_.accesses.note_failure(task_.repo, task_.commit, task_.caller, moved.error().kind);
      ++context_.totals.xet_fallbacks;
      context_.parts.log.warning(noted(subject() + " comes by the plain route now: " + describe(moved.error())));
      fell_back_ = true;
    }
  }
  if (!moved) {
    auto const before = fell_back_ ? "; by the Xet route before: " + moved.error().what : std::string();
    auto const by_xet = spent_;
    moved = co_await move_plainly(*id);
    if (!moved && may_name_both(moved.error().kind)) {
      auto both = moved.error();
      both.what += before;
      bool const silent_twice = by_xet.silence >= silence_told_min && spent_.fetched == by_xet.fetched;
      if (silent_twice) both.what += "; by both together next to nothing came for " + transfer::whole_seconds(spent_.silence);
      co_return both;
    }
  }
  if (!moved) co_return moved.error();
  auto published = co_await publish();
  co_return published;
}

std::shared_ptr<cas::TokenSource> FileJob::xet_access() const {
  if (!comes_by_xet(context_, task_.caller, task_.file)) return nullptr;
  return xet_desk_.accesses.find(task_.repo, task_.commit, task_.caller);
}

Async<void> FileJob::move_by_xet(ContentId id, std::shared_ptr<cas::TokenSource> tokens) {
  tokens_ = std::move(tokens);
  auto const named = co_await xet_desk_.adoption.name_terms(*tokens_, task_.caller.user_agent);
  if (!named) co_return named.error();
  transfer::XetTransfer::Parts parts{movement_parts(), context_.cas, *tokens_, xet_desk_.held, xet_desk_.flights};
  transfer::XetTransfer::Options options;
  options.name = subject();
  options.folder = context_.partials;
  options.user_agent = task_.caller.user_agent;
  options.connections = context_.tuning.connections_per_file;
  options.bridge_max = context_.options.xet_bridge_max;
  options.progress_timeout = context_.options.progress_timeout / 2;  // the other half is the plain route's
  auto const file = xet::MerkleHash::parse(task_.file.xet_hash);
  auto transfer = std::make_unique<transfer::XetTransfer>(std::move(parts), std::move(options), std::move(id), *file, task_.file.size);
  permits_.come_by("cas");
  xet_ = transfer.get();
  movement_ = std::move(transfer);
  auto moved = co_await run_movement();
  if (moved) {
    ++context_.totals.xet_files;
    context_.totals.bytes_reused += xet_->reused();
  } else {
    xet_ = nullptr;
  }
  co_return moved;
}

Async<void> FileJob::move_plainly(ContentId id) {
  transfer::ResolveSource::Options from{task_.repo,         task_.commit,
                                        task_.file.path,    task_.file.size,
                                        task_.caller.token, task_.caller.user_agent,
                                        context_.mirrors(task_.repo.endpoint)};
  source_ = std::make_unique<transfer::ResolveSource>(context_.parts.http, context_.clock(), std::move(from));
  transfer::FileTransfer::Parts parts{movement_parts(), *source_};
  transfer::FileTransfer::Options options;
  options.name = subject();
  options.folder = context_.partials;
  options.range_max = context_.options.range_size;
  options.connections = context_.tuning.connections_per_file;
  options.block_size = context_.options.block_size;
  options.small_max = context_.options.small_file_max;
  options.progress_timeout = fell_back_ ? context_.options.progress_timeout / 2 : context_.options.progress_timeout;
  permits_.come_by("plain");
  movement_ = std::make_unique<transfer::FileTransfer>(std::move(parts), std::move(options), std::move(id), task_.file.size);
  auto moved = co_await run_movement();
  co_return moved;
}

transfer::Movement::Parts FileJob::movement_parts() {
  auto const& parts = context_.parts;
  return {parts.executor, parts.disk, parts.hashing, parts.files, parts.timers, parts.log, permits_, parts.routes};
}

Async<void> FileJob::run_movement() {
  auto moved = co_await movement_->run();
  if (xet_ != nullptr) context_.totals.bytes_bridged += xet_->bridged();
  context_.totals.bytes_fetched += movement_->fetched();
  context_.totals.requests += movement_->requests();
  context_.totals.integrity_failures += movement_->mismatches();
  if (!moved) {
    spent_.fetched += movement_->fetched();
    spent_.requests += movement_->requests();
    spent_.silence = movement_->silence() + (movement_->fetched() == 0 ? spent_.silence : Duration::zero());
    movement_.reset();
  }
  co_return moved;
}

Async<void> FileJob::publish() {
  auto place = [this]() -> Result<void> {
    auto& cache = context_.parts.cache;
    auto const& etag = task_.file.etag();
    fs::Stat stat;
    std::string path;
    if (task_.local_dir.empty()) {
      path = cache.layout().blob(task_.repo, etag);
      HeldChunks::Moving const moving(xet_desk_.held, etag, path);
      auto const blob = cache.publish_blob(task_.repo, etag, movement_->path(), movement_->file());
      if (!blob) return blob.error();
      stat = *blob;
      context_.ledger->record(stat, etag, true, path);
      // When somebody deletes it this very moment, whoever waits looks again.
      auto const pointed = cache.write_pointer(task_.repo, task_.commit, task_.file.path, etag);
      if (!pointed && pointed.error().kind != ErrorKind::local_entry_not_found) return pointed.error();
      if (xet_ != nullptr) share();
    } else {
      cache::LocalDir folder(context_.parts.files, context_.parts.random, context_.clock(), task_.local_dir);
      auto const synced = movement_->file().sync();
      if (!synced) return synced.error();
      path = folder.file(task_.file.path);
      HeldChunks::Moving const moving(xet_desk_.held, etag, path);
      auto const placed = folder.place(task_.file.path, task_.commit, etag, movement_->path(), true);
      if (!placed) return placed.error();
      auto const now = context_.parts.files.stat(path);
      if (!now) return now.error();
      context_.ledger->record(*now, etag, true, path);
    }
    note_published(path, xet_ != nullptr ? Published::Source::xet : Published::Source::network);
    if (xet_ != nullptr) remember_chunks();
    return movement_->discard();
  };
  auto placed = co_await net::offload(context_.parts.disk, place);
  // A stock client holds the file's own lock in a local folder for a moment.
  auto const until = context_.clock().now() + lock_still_max;
  while (!placed && placed.error().kind == ErrorKind::busy && !stop_ && context_.clock().now() < until) {
    bool const slept = co_await context_.parts.timers.sleep_for(lock_poll);
    if (!slept) break;
    lock_wait_ = "the lock of " + task_.file.path + " in " + task_.local_dir;
    placed = co_await net::offload(context_.parts.disk, place);
  }
  if (placed) context_.totals.bytes_published += task_.file.size;
  bool const plain = xet_ == nullptr && task_.local_dir.empty();
  if (placed && plain) context_.adopt_later(context_.parts.cache.layout().blob(task_.repo, task_.file.etag()), task_.file.etag());
  co_return placed;
}

/// On the disk pool.
void FileJob::note_published(std::string const& place, Published::Source source) {
  if (context_.parts.audit == nullptr) return;
  context_.parts.audit->published({task_.caller.principal, task_.caller.call, task_.repo, task_.commit, task_.file.path, task_.file.etag(),
                                   task_.file.size, source == Published::Source::linked ? 0 : fetched(), source, place});
}

/// On the disk pool. What stands in the way costs the sharing only.
void FileJob::share() {
  auto const& etag = task_.file.etag();
  auto const trusted = [&](fs::Stat const& there) {
    return !task_.force && context_.ledger->look(there, etag) == Ledger::Verdict::verified;
  };
  auto const shared = context_.parts.cache.share_blob(task_.repo, etag, task_.file.xet_hash, task_.file.size, trusted);
  if (!shared)
    context_.parts.log.warning(noted(subject() + " is in the cache, but not in the shared store: " + shared.error().what));
  else if (*shared)
    context_.ledger->record(**shared, etag, true, context_.parts.cache.layout().blob(task_.repo, etag));
}

/// On the disk pool, once the bytes are where they can be read again.
void FileJob::remember_chunks() {
  auto const id = ContentId::parse(task_.file.etag());
  store::Recipe recipe{*id, *xet::MerkleHash::parse(task_.file.xet_hash), task_.file.size, {}, {}};
  std::size_t named = 0;
  for (auto const& term : xet_->terms()) {
    recipe.terms.push_back({term.xorb, term.first, term.end});
    named += term.end - term.first;
  }
  for (auto const& chunk : xet_->chunks()) recipe.chunks.push_back({chunk.hash, chunk.length});
  if (named != recipe.chunks.size()) recipe.terms.clear();
  auto const added = context_.store->add(recipe);
  if (!added) context_.parts.log.warning("the chunks of " + subject() + " could not be noted for reuse: " + added.error().what);
}

asio::awaitable<void> FileJobs::drive(FileJobs& jobs, std::shared_ptr<FileJob> job, std::string key) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto running = FileJob::live(job);
  co_await std::move(running);
  if (!job->ended()) job->result_.emplace(fail(ErrorKind::cancelled, job->subject() + " was cancelled"));
  jobs.jobs_.erase(key);
  job->changed_.notify();
  jobs.gone_.notify();
}

Async<FileJobs::Use> FileJobs::use(FileTask task) {
  auto const key = task.file.etag();
  while (true) {
    if (context_.stopping) co_return stopping_error();
    auto const found = jobs_.find(key);
    if (found == jobs_.end()) break;
    auto const job = found->second;
    if (!job->stopping() && !job->ended()) co_return Use(job, false);
    bool const woken = co_await gone_.wait();
    if (!woken) co_return fail(ErrorKind::cancelled, "the caller left");
  }
  sched::FileKey const number{next_++};
  auto job = std::make_shared<FileJob>(context_, xet_desk_, std::move(task), number);
  jobs_.emplace(key, job);
  Use use(job, true);
  tasks_.spawn("file job", drive(*this, job, key));
  co_return use;
}

void FileJobs::stop_all() {
  for (auto const& [key, job] : jobs_) job->stop();
}

}  // namespace hubd::engine
