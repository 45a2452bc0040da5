// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/cache.h"

#include "core/cache/local_dir.h"
#include "core/cache/removal.h"
#include "core/cache/scan.h"
#include "core/cache/verify.h"
#include "daemon/services/convert.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::int64_t unix_seconds(std::int64_t nanoseconds) { return nanoseconds / 1'000'000'000; }

v1::CachedRevision to_message(cache::ScannedRevision const& revision, bool with_files) {
  v1::CachedRevision message;
  message.set_commit(valid_utf8(revision.commit));
  message.set_snapshot_path(valid_utf8(revision.snapshot));
  for (auto const& ref : revision.refs) message.add_refs(valid_utf8(ref));
  message.set_size(revision.size);
  message.set_modified_unix(unix_seconds(revision.modified));
  if (!with_files) return message;
  for (auto const& file : revision.files) {
    auto& entry = *message.add_files();
    entry.set_path(valid_utf8(file.path));
    entry.set_blob_path(valid_utf8(file.blob));
    entry.set_size(file.stat.size);
    entry.set_accessed_unix(unix_seconds(file.stat.atime_ns));
    entry.set_modified_unix(unix_seconds(file.stat.mtime_ns));
  }
  return message;
}

v1::CachedRepo to_message(cache::ScannedRepo const& repo, bool with_files) {
  v1::CachedRepo message;
  message.set_type(daemon::to_message(repo.type));
  message.set_id(valid_utf8(repo.id));
  message.set_path(valid_utf8(repo.path));
  message.set_size(repo.size);
  message.set_files(repo.blobs);
  message.set_accessed_unix(unix_seconds(repo.accessed));
  message.set_modified_unix(unix_seconds(repo.modified));
  for (auto const& revision : repo.revisions) *message.add_revisions() = to_message(revision, with_files);
  return message;
}

v1::RemovedRepo to_message(cache::RemovalPlan::Repo const& repo) {
  v1::RemovedRepo message;
  message.set_type(daemon::to_message(repo.type));
  message.set_id(valid_utf8(repo.id));
  message.set_entire(repo.entire);
  for (auto const& revision : repo.revisions) *message.add_revisions() = to_message(revision, false);
  return message;
}

/// What carrying the plan out would report.
cache::Removed as_planned(cache::RemovalPlan const& plan) {
  cache::Removed removed;
  for (auto const& repo : plan.repos) removed.repos += repo.entire ? 1 : 0;
  removed.revisions = plan.revisions();
  removed.files = plan.files.size();
  removed.incomplete = plan.incomplete.size();
  removed.payloads = plan.payloads.size();
  removed.freed = plan.freed;
  return removed;
}

/// A plan and what became of it.
struct Outcome {
  cache::RemovalPlan plan;
  cache::Removed removed;
};

/// Scans, plans, and unless it is a dry run removes. Blocking.
Result<Outcome> carry_out(CacheService::Parts const& parts,
                          std::function<Result<cache::RemovalPlan>(cache::Scan const&)> const& make_plan, bool dry_run) {
  auto const& root = parts.cache.layout().root();
  auto const scan = cache::scan(parts.files, root);
  if (!scan) return scan.error();
  auto plan = make_plan(*scan);
  if (!plan) return plan.error();
  Outcome outcome{std::move(*plan), {}};
  outcome.removed = as_planned(outcome.plan);
  if (dry_run || outcome.plan.empty()) return outcome;
  auto const allowed = parts.may_change();
  if (!allowed) return allowed.error();
  outcome.removed = cache::remove(parts.files, parts.random, root, outcome.plan);
  return outcome;
}

v1::VerifyCacheEvent event_of(std::string const& path, cache::FileVerdict const& verdict) {
  v1::VerifyCacheEvent event;
  auto& file = *event.mutable_file();
  file.set_path(valid_utf8(path));
  file.set_expected(verdict.expected);
  file.set_actual(verdict.actual);
  file.set_state(std::string(name_of(verdict.state)));
  return event;
}

}  // namespace

struct CacheService::Target {
  RepoRef repo;
  std::string revision;  ///< as the caller named it; may be empty
  hub::CallContext context;
  bool stored_first = false;  ///< the stored listing is good enough: offline, or a full commit was named
  bool may_ask = true;
  std::string local_dir;  ///< empty: a snapshot of the cache
  std::string path;       ///< of the folder
  std::optional<Commit> commit;
};

void CacheService::add_to(Registry& registry) {
  registry.unary("/hubd.v1.Cache/Scan", *this, &CacheService::scan);
  registry.unary("/hubd.v1.Cache/Remove", *this, &CacheService::remove);
  registry.unary("/hubd.v1.Cache/Prune", *this, &CacheService::prune);
  registry.stream("/hubd.v1.Cache/Verify", *this, &CacheService::verify);
}

Result<void> CacheService::check_root(Principal principal, v1::Caller const& caller) const {
  auto const known = parts_.callers.caller(principal, caller);
  if (!known) return known.error();
  return {};
}

Async<v1::ScanCacheResponse> CacheService::scan(Principal principal, v1::ScanCacheRequest request) {
  auto const ours = check_root(principal, request.caller());
  if (!ours) co_return ours.error();
  auto look = [this] { return cache::scan(parts_.files, parts_.cache.layout().root()); };
  auto const scan = co_await net::offload(parts_.disk, look);
  if (!scan) co_return scan.error();
  v1::ScanCacheResponse response;
  response.set_cache_dir(valid_utf8(scan->root));
  response.set_size(scan->size);
  for (auto const& repo : scan->repos) *response.add_repos() = to_message(repo, !request.without_files());
  for (auto const& warning : scan->warnings) response.add_warnings(valid_utf8(warning));
  for (auto const& file : scan->incomplete) response.add_incomplete_files(valid_utf8(file.path));
  Bytes unused = 0;
  for (auto const& payload : scan->unused_payloads) unused += payload.size;
  response.set_shared_blobs_unused(scan->unused_payloads.size());
  response.set_shared_bytes_unused(unused);
  co_return response;
}

Async<v1::RemoveCacheResponse> CacheService::remove(Principal principal, v1::RemoveCacheRequest request) {
  auto const ours = check_root(principal, request.caller());
  if (!ours) co_return ours.error();
  std::vector<std::string> const targets(request.targets().begin(), request.targets().end());
  auto work = [&] {
    auto plan = [&](cache::Scan const& scan) { return cache::plan_removal(parts_.files, scan, targets); };
    return carry_out(parts_, plan, request.dry_run());
  };
  auto const outcome = co_await net::offload(parts_.disk, work);
  if (!outcome) co_return outcome.error();
  v1::RemoveCacheResponse response;
  response.set_repos_deleted(outcome->removed.repos);
  response.set_revisions_deleted(outcome->removed.revisions);
  response.set_files_deleted(outcome->removed.files);
  response.set_bytes_freed(outcome->removed.freed);
  for (auto const& repo : outcome->plan.repos) *response.add_repos() = to_message(repo);
  for (auto const& target : outcome->plan.unknown_targets) response.add_unknown_targets(target);
  for (auto const& problem : outcome->removed.problems) response.add_problems(valid_utf8(problem));
  co_return response;
}

Async<v1::PruneCacheResponse> CacheService::prune(Principal principal, v1::PruneCacheRequest request) {
  auto const ours = check_root(principal, request.caller());
  if (!ours) co_return ours.error();
  auto work = [&] {
    auto plan = [&](cache::Scan const& scan) { return cache::plan_prune(parts_.files, scan); };
    return carry_out(parts_, plan, request.dry_run());
  };
  auto const outcome = co_await net::offload(parts_.disk, work);
  if (!outcome) co_return outcome.error();
  v1::PruneCacheResponse response;
  response.set_revisions_deleted(outcome->removed.revisions);
  response.set_incomplete_deleted(outcome->removed.incomplete);
  response.set_shared_blobs_deleted(outcome->removed.payloads);
  response.set_bytes_freed(outcome->removed.freed);
  for (auto const& repo : outcome->plan.repos) *response.add_repos() = to_message(repo);
  for (auto const& problem : outcome->removed.problems) response.add_problems(valid_utf8(problem));
  co_return response;
}

Async<CacheService::Target> CacheService::find_target(Principal principal, v1::VerifyCacheRequest const& request) {
  auto caller = parts_.callers.caller(principal, request.caller());
  if (!caller) co_return caller.error();
  auto repo = parts_.callers.repo(caller->endpoint, request.repo());
  if (!repo) co_return repo.error();
  auto folder = parts_.callers.local_dir(principal, request.local_dir());
  if (!folder) co_return folder.error();
  Target target;
  target.repo = std::move(*repo);
  target.revision = request.repo().revision();
  target.local_dir = std::move(*folder);
  target.context.token = caller->token;
  target.context.user_agent = caller->user_agent;
  target.context.deadline = caller->deadline;
  target.context.progress_deadline = parts_.progress_timeout;
  target.may_ask = !caller->offline;
  target.stored_first = caller->offline || !parts_.ask_hub();
  target.commit = Commit::parse(target.revision);
  if (target.commit) target.stored_first = true;
  if (!target.local_dir.empty()) {
    target.path = target.local_dir;
    auto look = [&] { return parts_.files.stat(target.path); };
    auto const found = co_await net::offload(parts_.disk, look);
    if (!found) co_return found.error();
    if (!target.commit && target.may_ask) {
      auto const revision = target.revision.empty() ? std::string("main") : target.revision;
      auto asking = parts_.hub.revision_info(target.repo, revision, target.context);
      auto const info = co_await std::move(asking);
      if (!info) co_return info.error();
      target.commit = info->commit;
    }
    if (!target.commit)
      co_return fail(ErrorKind::offline, "the files of " + describe(target.repo) +
                                             " cannot be listed offline; name a full commit with --revision");
    co_return target;
  }
  auto look = [&]() -> Result<void> {
    auto const root = cache::find_local_root(parts_.files, parts_.cache.layout(), target.repo, target.revision);
    if (!root) return root.error();
    target.path = root->path;
    target.commit = root->commit;
    return {};
  };
  auto const found = co_await net::offload(parts_.disk, look);
  if (!found) co_return found.error();
  co_return target;
}

Async<Listing> CacheService::listing_of(Target const& target) {
  if (target.stored_first) {
    auto read = [&]() -> Result<std::optional<Listing>> {
      auto stored = parts_.cache.read_tree(target.repo, *target.commit);
      if (!stored || *stored || target.local_dir.empty()) return stored;
      return cache::LocalDir(parts_.files, parts_.random, parts_.clock, target.local_dir).read_tree(*target.commit);
    };
    auto stored = co_await net::offload(parts_.disk, read);
    if (!stored) co_return stored.error();
    if (*stored) co_return std::move(**stored);
    if (!target.may_ask)
      co_return fail(ErrorKind::offline, "the files of " + describe(target.repo) + " at " + target.commit->hex() +
                                             " were never listed here, and this call is offline (HF_HUB_OFFLINE)");
  }
  auto asking = parts_.hub.tree(target.repo, target.commit->hex(), target.context);
  auto listing = co_await std::move(asking);
  co_return listing;
}

Async<void> CacheService::verify(Principal principal, v1::VerifyCacheRequest request, Sink<v1::VerifyCacheEvent>& sink) {
  auto finding = find_target(principal, request);
  auto const target = co_await std::move(finding);
  if (!target) co_return target.error();
  auto listing_files = listing_of(*target);
  auto const listing = co_await std::move(listing_files);
  if (!listing) co_return listing.error();
  v1::VerifyCacheEvent last;
  auto& summary = *last.mutable_summary();
  summary.set_commit(target->commit->hex());
  summary.set_path(valid_utf8(target->path));
  for (auto const& file : *listing) {
    auto check = [&] { return cache::verify_file(parts_.files, target->path, file, &stopping_); };
    auto const verdict = co_await net::offload(parts_.hashing, check);
    if (!verdict) co_return verdict.error();
    auto event = event_of(file.path, *verdict);
    using State = cache::FileVerdict::State;
    if (verdict->state == State::missing)
      summary.add_missing(valid_utf8(file.path));
    else
      summary.set_checked(summary.checked() + 1);
    if (verdict->state == State::mismatch) *summary.add_mismatches() = event.file();
    if (verdict->state != State::missing && target->local_dir.empty())
      parts_.engine.noted(verdict->blob, verdict->expected, verdict->state == State::ok);
    auto sending = sink.send(std::move(event));
    auto const sent = co_await std::move(sending);
    if (!sent) co_return sent.error();
  }
  auto look = [&] {
    return cache::extra_files(parts_.files, target->path, *listing, !target->local_dir.empty());
  };
  auto const extra = co_await net::offload(parts_.disk, look);
  if (!extra) co_return extra.error();
  for (auto const& path : *extra) {
    v1::VerifyCacheEvent event;
    event.mutable_file()->set_path(valid_utf8(path));
    event.mutable_file()->set_state("extra");
    summary.add_extra(valid_utf8(path));
    auto sending = sink.send(std::move(event));
    auto const sent = co_await std::move(sending);
    if (!sent) co_return sent.error();
  }
  sink.keep(std::move(last));
  co_return Result<void>();
}

}  // namespace hubd::daemon
