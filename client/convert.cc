// SPDX-License-Identifier: Apache-2.0
#include "client/convert.h"

namespace hubd::client {
namespace {

template <class Texts>
std::vector<std::string> to_vector(Texts const& texts) {
  return {texts.begin(), texts.end()};
}

RepoType from_message(v1::RepoType type) {
  switch (type) {
    case v1::REPO_TYPE_DATASET:
      return RepoType::dataset;
    case v1::REPO_TYPE_SPACE:
      return RepoType::space;
    case v1::REPO_TYPE_KERNEL:
      return RepoType::kernel;
    default:
      return RepoType::model;
  }
}

CachedFile from_message(v1::CachedFile const& message) {
  return {message.path(), message.blob_path(), message.size(), message.accessed_unix(), message.modified_unix()};
}

CachedRevision from_message(v1::CachedRevision const& message) {
  CachedRevision revision;
  revision.commit = message.commit();
  revision.snapshot_path = message.snapshot_path();
  revision.refs = to_vector(message.refs());
  revision.size = message.size();
  revision.modified_unix = message.modified_unix();
  for (auto const& file : message.files()) revision.files.push_back(from_message(file));
  return revision;
}

CachedRepo from_message(v1::CachedRepo const& message) {
  CachedRepo repo;
  repo.type = from_message(message.type());
  repo.id = message.id();
  repo.path = message.path();
  repo.size = message.size();
  repo.files = message.files();
  repo.accessed_unix = message.accessed_unix();
  repo.modified_unix = message.modified_unix();
  for (auto const& revision : message.revisions()) repo.revisions.push_back(from_message(revision));
  return repo;
}

RemovedRepo from_message(v1::RemovedRepo const& message) {
  RemovedRepo repo;
  repo.type = from_message(message.type());
  repo.id = message.id();
  repo.entire = message.entire();
  for (auto const& revision : message.revisions()) repo.revisions.push_back(from_message(revision));
  return repo;
}

TransferRange range_from(v1::TransferRange const& range) {
  return {range.transfer_id(), range.file(),  range.name(),    range.host(),          range.address(),
          range.route(),       range.bytes(), range.seconds(), range.silent_seconds()};
}

Priority from_message(v1::Priority priority) {
  bool const known = priority == v1::PRIORITY_BACKGROUND || priority == v1::PRIORITY_INTERACTIVE;
  return known ? static_cast<Priority>(priority) : Priority::normal;  // of an older hubd, too
}

}  // namespace

v1::Caller to_message(Caller const& caller) {
  v1::Caller message;
  message.set_endpoint(caller.endpoint);
  message.set_cache_root(caller.cache_root);
  message.set_offline(caller.offline);
  message.set_disable_xet(caller.disable_xet);
  message.set_deadline_ms(caller.deadline.count());
  message.set_user_agent(caller.user_agent);
  switch (caller.token_mode) {
    case TokenMode::stored:
      message.set_token_mode(v1::Caller::TOKEN_MODE_STORED);
      break;
    case TokenMode::given:
      message.set_token_mode(v1::Caller::TOKEN_MODE_GIVEN);
      message.set_token(caller.token);
      break;
    case TokenMode::none:
      message.set_token_mode(v1::Caller::TOKEN_MODE_NONE);
      break;
  }
  return message;
}

v1::Repo to_message(Repo const& repo) {
  v1::Repo message;
  message.set_type(static_cast<v1::RepoType>(repo.type));
  message.set_id(repo.id);
  message.set_revision(repo.revision);
  return message;
}

v1::Selection to_message(Selection const& selection) {
  v1::Selection message;
  for (auto const& file : selection.files) message.add_files(file);
  message.set_has_allow_patterns(selection.allow.has_value());
  if (selection.allow)
    for (auto const& pattern : *selection.allow) message.add_allow_patterns(pattern);
  for (auto const& pattern : selection.ignore) message.add_ignore_patterns(pattern);
  return message;
}

v1::EnsureRequest to_message(EnsureRequest const& request) {
  v1::EnsureRequest message;
  *message.mutable_caller() = to_message(request.caller);
  *message.mutable_repo() = to_message(request.repo);
  *message.mutable_selection() = to_message(request.selection);
  message.set_force(request.force);
  message.set_local_dir(request.local_dir);
  message.set_detach(request.detach);
  message.set_require_verified(request.require_verified);
  message.set_max_workers(request.workers);
  message.set_priority(static_cast<v1::Priority>(request.priority));
  return message;
}

v1::PlanRequest to_message(PlanRequest const& request) {
  v1::PlanRequest message;
  *message.mutable_caller() = to_message(request.caller);
  *message.mutable_repo() = to_message(request.repo);
  *message.mutable_selection() = to_message(request.selection);
  message.set_force(request.force);
  message.set_local_dir(request.local_dir);
  message.set_sources(request.sources);
  return message;
}

v1::ReadyRequest to_message(ReadyRequest const& request) {
  v1::ReadyRequest message;
  *message.mutable_caller() = to_message(request.caller);
  *message.mutable_repo() = to_message(request.repo);
  *message.mutable_selection() = to_message(request.selection);
  return message;
}

Error from_message(v1::ErrorDetail const& message) {
  Error error;
  auto const number = static_cast<int>(message.kind());
  auto const kind = static_cast<ErrorKind>(number);
  error.kind = number > 0 && number < 256 && name_of(kind) != "unknown" ? kind : ErrorKind::internal;
  error.message = message.message();
  error.http_status = message.http_status();
  error.request_id = message.request_id();
  error.host = message.host();
  if (message.retry_after_seconds() > 0) error.retry_after = std::chrono::seconds(message.retry_after_seconds());
  error.hint = message.hint();
  error.call_id = message.call_id();
  return error;
}

Repo from_message(v1::Repo const& message) {
  return {from_message(message.type()), message.id(), message.revision()};
}

FileProgress from_message(v1::FileProgress const& message) {
  return {message.path(), message.bytes_total(), message.bytes_done(), message.state()};
}

EnsureStarted from_message(v1::EnsureStarted const& message) {
  return {message.transfer_id(), message.commit(), message.files_total(), message.bytes_total(),
          message.bytes_cached()};
}

Progress from_message(v1::EnsureProgress const& message) {
  Progress progress;
  progress.transfer_id = message.transfer_id();
  progress.files_done = message.files_done();
  progress.files_total = message.files_total();
  progress.bytes_done = message.bytes_done();
  progress.bytes_total = message.bytes_total();
  progress.rate = message.rate();
  progress.eta_seconds = message.eta_seconds();
  progress.deadline_seconds = message.deadline_seconds();
  progress.waiting_for = message.waiting_for();
  for (auto const& file : message.files()) progress.files.push_back(from_message(file));
  return progress;
}

EnsureDone from_message(v1::EnsureDone const& message) {
  EnsureDone done;
  done.commit = message.commit();
  done.root_id = message.root_id();
  done.snapshot_relative = message.snapshot_relative();
  done.snapshot_path = message.snapshot_path();
  for (auto const& file : message.files())
    done.files.push_back({file.path(), file.root_id(), file.relative_path(), file.absolute_path(), file.size(),
                          file.etag(), file.verified(), file.from_cache()});
  done.bytes_fetched = message.bytes_fetched();
  done.requests = message.requests();
  done.stale = message.stale();
  done.warning = message.warning();
  return done;
}

Plan from_message(v1::PlanResponse const& message) {
  Plan plan;
  plan.commit = message.commit();
  for (auto const& file : message.files())
    plan.files.push_back(
        {file.path(), file.size(), file.etag(), file.cached(), file.bytes_network(), file.local_path(), file.bytes_repo(),
         file.bytes_others(), file.xet(), file.unknown()});
  plan.bytes_total = message.bytes_total();
  plan.bytes_cached = message.bytes_cached();
  plan.bytes_resumable = message.bytes_resumable();
  plan.bytes_network = message.bytes_network();
  plan.bytes_free = message.bytes_free();
  plan.bytes_floor = message.bytes_floor();
  plan.fits = message.fits();
  plan.requests = message.requests();
  plan.bytes_repo = message.bytes_repo();
  plan.bytes_others = message.bytes_others();
  plan.files_unknown = message.files_unknown();
  return plan;
}

Readiness from_message(v1::ReadyResponse const& message) {
  Readiness readiness;
  readiness.ready = message.ready();
  readiness.commit = message.commit();
  readiness.files_total = message.files_total();
  readiness.missing = to_vector(message.missing());
  readiness.unverified = to_vector(message.unverified());
  readiness.reason = message.reason();
  return readiness;
}

v1::InvokeRequest to_message(HubQuestion const& question) {
  v1::InvokeRequest message;
  *message.mutable_caller() = to_message(question.caller);
  message.set_method(question.method);
  message.set_path(question.path);
  message.set_query(question.query);
  message.set_body(question.body);
  if (question.age_max) message.set_max_age_ms(question.age_max->count() > 0 ? question.age_max->count() : -1);
  return message;
}

HubAnswer from_message(v1::InvokeResponse message) {
  HubAnswer answer;
  answer.status = message.status();
  answer.headers = {message.headers().begin(), message.headers().end()};
  answer.body = std::move(*message.mutable_body());
  answer.url = message.url();
  answer.from_memory = message.from_memory();
  answer.stale = message.stale();
  return answer;
}

Transfer from_message(v1::Transfer const& message) {
  Transfer transfer;
  transfer.id = message.id();
  transfer.repo = from_message(message.repo());
  transfer.commit = message.commit();
  transfer.state = message.state();
  transfer.waiting_for = message.waiting_for();
  transfer.bytes_total = message.bytes_total();
  transfer.bytes_done = message.bytes_done();
  transfer.bytes_fetched = message.bytes_fetched();
  transfer.files_total = message.files_total();
  transfer.files_done = message.files_done();
  transfer.rate = message.rate();
  transfer.eta_seconds = message.eta_seconds();
  transfer.leases = message.leases();
  transfer.detached = message.detached();
  transfer.created_unix_ms = message.created_unix_ms();
  transfer.priority = from_message(message.priority());
  transfer.path = message.path();
  transfer.deadline_seconds = message.deadline_seconds();
  if (message.has_error()) transfer.error = from_message(message.error());
  return transfer;
}

TransferWhy from_message(v1::WhyResponse const& message) {
  TransferWhy why;
  why.transfer = from_message(message.transfer());
  for (auto const& wait : message.waits())
    why.waits.push_back({wait.kind(), wait.what(), wait.file(), wait.host(), wait.route(), wait.holder(), wait.since_unix_ms(),
                         wait.address()});
  for (auto const& range : message.ranges()) why.ranges.push_back(range_from(range));
  for (auto const& event : message.events()) why.events.push_back({event.kind(), event.unix_ms(), event.what(), event.count()});
  return why;
}

Overview from_message(v1::OverviewResponse const& message) {
  Overview overview;
  for (auto const& transfer : message.transfers()) overview.transfers.push_back(from_message(transfer));
  for (auto const& range : message.ranges()) overview.ranges.push_back(range_from(range));
  overview.unix_ms = message.unix_ms();
  auto const& from = message.budgets();
  auto& budgets = overview.budgets;
  budgets.bandwidth_max = from.bandwidth_max();
  budgets.bandwidth = from.bandwidth();
  budgets.bandwidth_waiting = from.bandwidth_waiting();
  budgets.connections = from.connections();
  budgets.connections_max = from.connections_max();
  budgets.connections_per_host_max = from.connections_per_host_max();
  budgets.connections_waiting = from.connections_waiting();
  for (auto const& host : from.hosts()) budgets.hosts.push_back({host.host(), host.connections()});
  budgets.memory = from.memory();
  budgets.memory_max = from.memory_max();
  budgets.disk_reserved = from.disk_reserved();
  budgets.disk_floor = from.disk_floor();
  for (auto const& window : from.windows())
    budgets.windows.push_back({window.origin(), window.category(), window.remaining(), window.reset_seconds(), window.waiting()});
  return overview;
}

CacheScan from_message(v1::ScanCacheResponse const& message) {
  CacheScan scan;
  scan.cache_dir = message.cache_dir();
  scan.size = message.size();
  for (auto const& repo : message.repos()) scan.repos.push_back(from_message(repo));
  scan.warnings = to_vector(message.warnings());
  scan.incomplete_files = to_vector(message.incomplete_files());
  return scan;
}

Removal from_message(v1::RemoveCacheResponse const& message) {
  Removal removal;
  removal.repos_deleted = message.repos_deleted();
  removal.revisions_deleted = message.revisions_deleted();
  removal.files_deleted = message.files_deleted();
  removal.bytes_freed = message.bytes_freed();
  for (auto const& repo : message.repos()) removal.repos.push_back(from_message(repo));
  removal.unknown_targets = to_vector(message.unknown_targets());
  removal.problems = to_vector(message.problems());
  return removal;
}

Pruned from_message(v1::PruneCacheResponse const& message) {
  Pruned pruned;
  pruned.revisions_deleted = message.revisions_deleted();
  pruned.incomplete_deleted = message.incomplete_deleted();
  pruned.shared_blobs_deleted = message.shared_blobs_deleted();
  pruned.bytes_freed = message.bytes_freed();
  for (auto const& repo : message.repos()) pruned.repos.push_back(from_message(repo));
  pruned.problems = to_vector(message.problems());
  return pruned;
}

VerifiedFile from_message(v1::VerifyCacheEvent::File const& message) {
  return {message.path(), message.expected(), message.actual(), message.state()};
}

Verification from_message(v1::VerifySummary const& message) {
  Verification verification;
  verification.commit = message.commit();
  verification.path = message.path();
  verification.checked = message.checked();
  verification.missing = to_vector(message.missing());
  verification.extra = to_vector(message.extra());
  for (auto const& file : message.mismatches()) verification.mismatches.push_back(from_message(file));
  return verification;
}

StoreStats from_message(v1::StoreStatsResponse const& message) {
  StoreStats stats;
  stats.recipes = message.recipes();
  stats.chunks = message.chunks();
  stats.chunks_distinct = message.chunks_distinct();
  stats.distinct_estimated = message.distinct_estimated();
  stats.content_bytes = message.content_bytes();
  stats.recipe_bytes = message.recipe_bytes();
  stats.index_bytes = message.index_bytes();
  stats.bytes_reused = message.bytes_reused();
  stats.adoptable = message.adoptable();
  stats.adoptable_bytes = message.adoptable_bytes();
  stats.pending = message.pending();
  return stats;
}

StoreProgress from_message(v1::StoreProgress const& message) {
  return {message.files_done(), message.files_total(), message.bytes_done(), message.bytes_total(), message.path()};
}

StoreRebuilt from_message(v1::StoreRebuilt const& message) {
  return {message.recipes(), message.chunks(), message.damaged(), message.adoptable()};
}

DamagedChunk from_message(v1::DamagedChunk const& message) {
  return {message.path(), message.etag(), message.offset(), message.length(), message.chunk()};
}

StoreChecked from_message(v1::StoreChecked const& message) {
  StoreChecked checked;
  checked.files = message.files();
  checked.chunks = message.chunks();
  checked.bytes = message.bytes();
  checked.damaged_files = message.damaged_files();
  checked.damaged_chunks = message.damaged_chunks();
  checked.damaged_recipes = message.damaged_recipes();
  checked.changed = message.changed();
  checked.absent = message.absent();
  return checked;
}

AdoptedFile from_message(v1::AdoptedFile const& message) {
  return {message.path(), message.size(), message.sha256(), message.xet(), message.chunks(), message.problem()};
}

StoreAdopted from_message(v1::StoreAdopted const& message) {
  StoreAdopted adopted;
  adopted.adopted = message.adopted();
  adopted.known = message.known();
  adopted.small = message.small();
  adopted.failed = message.failed();
  adopted.chunks = message.chunks();
  adopted.bytes = message.bytes();
  adopted.named = message.named();
  adopted.warning = message.warning();
  return adopted;
}

Account from_message(v1::WhoAmIResponse const& message) {
  return {message.name(),       message.type(),       to_vector(message.orgs()), message.endpoint(),
          message.token_name(), message.token_role(), message.raw_json()};
}

LoggedIn from_message(v1::LoginResponse const& message) {
  return {message.token_name(), message.user(), message.token_path()};
}

LoggedOut from_message(v1::LogoutResponse const& message) {
  return {to_vector(message.removed()), message.active_removed()};
}

StoredTokens from_message(v1::ListTokensResponse const& message) {
  StoredTokens tokens;
  for (auto const& token : message.tokens())
    tokens.tokens.push_back({token.name(), token.masked(), token.active(), token.expires_unix()});
  tokens.active_not_stored = message.active_not_stored();
  return tokens;
}

SwitchedToken from_message(v1::SwitchTokenResponse const& message) {
  return {message.token_name(), message.token_path()};
}

Hello from_message(v1::HelloResponse const& message) {
  Hello hello;
  hello.version = message.version();
  hello.features = to_vector(message.features());
  hello.root_id = message.root_id();
  hello.cache_root = message.cache_root();
  hello.auto_started = message.auto_started();
  hello.pid = message.pid();
  hello.uid = message.uid();
  return hello;
}

Status from_message(v1::StatusResponse const& message) {
  Status status;
  status.version = message.version();
  status.pid = message.pid();
  status.uptime_seconds = message.uptime_seconds();
  status.mode = message.mode();
  status.cache_root = message.cache_root();
  status.root_id = message.root_id();
  status.state_folder = message.state_folder();
  status.socket = message.socket();
  status.network = message.network();
  status.bytes_free = message.bytes_free();
  status.bytes_floor = message.bytes_floor();
  status.transfers_running = message.transfers_running();
  status.transfers_waiting = message.transfers_waiting();
  status.clients = message.clients();
  status.bytes_fetched = message.bytes_fetched();
  status.requests = message.requests();
  status.bytes_published = message.bytes_published();
  status.integrity_failures = message.integrity_failures();
  status.rss_bytes = message.rss_bytes();
  status.problem = message.problem();
  status.unverified_blobs = message.unverified_blobs();
  status.memory_max = message.memory_max();
  status.memory_why = message.memory_why();
  status.open_files = message.open_files();
  status.open_files_max = message.open_files_max();
  return status;
}

ConfigValue from_message(v1::ConfigValue const& message) {
  return {message.key(), message.value(), message.source(), message.help(), message.live()};
}

}  // namespace hubd::client
