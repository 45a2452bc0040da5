// SPDX-License-Identifier: Apache-2.0
#include "core/engine/folder_adoption.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/cache/layout.h"

namespace hubd::engine {
namespace {

constexpr Bytes size_min = 1_MiB;             // smaller files come by one plain request anyway
constexpr Bytes step_size = 16_MiB;           // of one job: other work on the threads goes between
constexpr std::size_t files_max = 1'000'000;  // of one run

/// What other programs are still filling.
bool in_the_making(std::string_view name) {
  constexpr std::array<std::string_view, 4> endings{".incomplete", ".partial", ".lock", ".tmp"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

/// The repo whose folder of a Hugging Face cache a path leads through.
std::optional<RepoRef> repo_of(std::string_view path, std::string const& endpoint) {
  while (!path.empty()) {
    auto const slash = path.find('/');
    auto const repo = cache::Layout::parse_repo_folder(path.substr(0, slash));
    if (repo) return RepoRef{endpoint, repo->first, repo->second};
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return std::nullopt;
}

}  // namespace

Async<void> FolderAdoption::still_wanted() {
  auto const state = co_await asio::this_coro::cancellation_state;
  if (parts_.context.stopping) co_return fail(ErrorKind::unavailable, "hubd is stopping; adopt the folder again, what was learned is kept");
  if (state.cancelled() != asio::cancellation_type::none)
    co_return fail(ErrorKind::cancelled, "adopting " + request_.folder + " was stopped; what was learned is kept");
  co_return Result<void>();
}

Result<std::vector<FolderAdoption::Found>> FolderAdoption::walk() {
  auto& files = parts_.context.parts.files;
  auto const& endpoint = request_.caller.endpoint;
  std::vector<Found> found;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> places;  // (device, inode) -> in `found`
  std::vector<std::pair<fs::Stat, RepoRef>> linked;                        // what links inside of a repo lead to
  auto const take = [&](std::string path, fs::Stat const& stat) {
    auto repo = repo_of(path, endpoint);
    if (stat.type == fs::Stat::Type::symlink && repo) {
      auto const target = files.stat(path);  // perhaps into the blob store that repos share
      if (target && target->size >= size_min) linked.emplace_back(*target, std::move(*repo));
    }
    if (stat.type != fs::Stat::Type::regular || in_the_making(path)) return;
    if (stat.size < size_min) {
      ++adopted_.small;
    } else if (places.try_emplace({stat.device, stat.inode}, found.size()).second) {  // of many names one
      found.push_back({std::move(path), stat.size, std::move(repo)});
    }
  };
  auto const root = files.stat(request_.folder);
  if (!root) return root.error();
  if (root->type != fs::Stat::Type::directory) take(request_.folder, *root);
  std::vector<std::string> folders;
  if (root->type == fs::Stat::Type::directory) folders.push_back(request_.folder);
  while (!folders.empty()) {
    auto const folder = std::move(folders.back());
    folders.pop_back();
    if (files.interrupted()) return fail(ErrorKind::unavailable, "hubd is stopping; adopt the folder again");
    auto const names = files.list(folder);
    if (!names && folder == request_.folder) return names.error();
    if (!names) {
      ++adopted_.failed;
      continue;
    }
    for (auto const& name : *names) {
      auto path = folder + (folder.ends_with('/') ? "" : "/") + name;
      auto const stat = files.lstat(path);
      if (!stat) continue;
      if (stat->type == fs::Stat::Type::directory)
        folders.push_back(std::move(path));
      else
        take(std::move(path), *stat);
    }
    if (found.size() > files_max)
      return fail(ErrorKind::exhausted, request_.folder + " holds more than " + std::to_string(files_max) + " large files; adopt its folders one by one");
  }
  for (auto const& [stat, repo] : linked) {
    auto const place = places.find({stat.device, stat.inode});
    if (place != places.end() && !found[place->second].repo) found[place->second].repo = repo;
  }
  std::sort(found.begin(), found.end(), [](Found const& a, Found const& b) { return a.path < b.path; });
  return found;
}

Async<StoreAdopted> FolderAdoption::run() {
  auto look = [this] { return walk(); };
  auto const found = co_await net::offload(parts_.context.background(), look);
  if (!found) co_return found.error();
  progress_.files_total = found->size();
  for (auto const& one : *found) progress_.bytes_total += one.size;
  for (auto const& one : *found) {
    auto const learned = co_await learn(one);
    if (!learned) co_return learned.error();
    ++progress_.files_done;
    parts_.listener.progress(progress_);
  }
  auto const named = co_await name();
  if (!named) co_return named.error();
  co_return adopted_;
}

void FolderAdoption::note(Found const& found, std::string const& etag) {
  auto const& repo = request_.repo ? request_.repo : found.repo;
  if (repo) etags_[*repo].push_back(etag);
}

std::string FolderAdoption::known(Found const& found) {
  auto& context = parts_.context;
  auto const stat = context.parts.files.lstat(found.path);
  if (!stat || stat->type != fs::Stat::Type::regular) return {};
  auto etag = context.ledger->content_of(*stat);
  auto const id = ContentId::parse(etag);
  if (id && id->kind() == ContentId::Kind::git_sha1) return etag;  // the Hub keeps such files whole
  if (etag.empty() || !context.store->has(etag)) return {};
  context.ledger->record(*stat, etag, true, found.path);  // it may stand under another name now
  return etag;
}

Async<void> FolderAdoption::learn(Found found) {
  auto const wanted = co_await still_wanted();
  if (!wanted) co_return wanted.error();
  progress_.path = found.path;
  auto const begun = progress_.bytes_done;
  bool named = false;
  auto look = [&] {
    auto etag = known(found);
    named = !etag.empty() && (!parts_.context.store->has(etag) || parts_.context.store->names_terms(etag));
    return etag;
  };
  auto const etag = co_await net::offload(parts_.context.background(), look);
  if (!etag.empty()) {
    ++adopted_.known;
    if (!named) note(found, etag);
    progress_.bytes_done = begun + found.size;
    co_return Result<void>();
  }
  auto const learned = co_await read(found);
  progress_.bytes_done = begun + found.size;
  AdoptedFile told{found.path, found.size, {}, {}, 0, {}};
  if (!learned) {
    auto const kind = learned.error().kind;
    if (kind == ErrorKind::cancelled || kind == ErrorKind::unavailable || kind == ErrorKind::disk_full) co_return learned.error();
    ++adopted_.failed;
    told.problem = learned.error().what;
  } else {
    ++adopted_.adopted;
    adopted_.chunks += learned->chunks;
    adopted_.bytes += found.size;
    told.sha256 = learned->sha256;
    told.xet = learned->xet;
    told.chunks = learned->chunks;
    note(found, told.sha256);
  }
  auto const heard = co_await parts_.listener.adopted(std::move(told));
  co_return heard;
}

Async<FileLesson::Learned> FolderAdoption::read(Found const& found) {
  auto& context = parts_.context;
  auto const begun = progress_.bytes_done;
  auto open = [&] { return FileLesson::open(context.parts.files, found.path); };
  auto lesson = co_await net::offload(context.background(), open);
  if (!lesson) co_return lesson.error();
  while (true) {
    auto const wanted = co_await still_wanted();
    if (!wanted) co_return wanted.error();
    auto step = [&] { return (*lesson)->read(step_size); };
    auto const count = co_await net::offload(context.background(), step);
    if (!count) co_return count.error();
    if (*count == 0) break;
    progress_.bytes_done = begun + std::min((*lesson)->done(), found.size);
    parts_.listener.progress(progress_);
  }
  auto finish = [&] { return (*lesson)->finish(*context.ledger, *context.store); };
  auto learned = co_await net::offload(context.background(), finish);
  co_return learned;
}

Async<void> FolderAdoption::name() {
  if (etags_.empty()) co_return Result<void>();
  if (parts_.context.offline(request_.caller)) {
    adopted_.warning = "offline: the Hub was not asked where it keeps the chunks; adopt the folder again when online";
    co_return Result<void>();
  }
  auto const groups = std::move(etags_);
  for (auto const& [repo, etags] : groups) {
    auto const revision = request_.repo ? request_.revision : std::string("main");
    auto const asked = co_await name_of(repo, revision, etags);
    if (asked) continue;
    if (asked.error().kind == ErrorKind::cancelled) co_return asked.error();
    adopted_.warning = "where the Hub keeps the chunks of " + describe(repo) + " could not be asked: " + asked.error().what;
  }
  co_return Result<void>();
}

Async<void> FolderAdoption::name_of(RepoRef repo, std::string revision, std::vector<std::string> etags) {
  auto& caller = request_.caller;
  auto const allowed = co_await parts_.context.parts.entitlement.may_read(caller.principal, repo, caller.token);
  if (!allowed) co_return allowed.error();
  auto const resolved = co_await parts_.revisions.resolve(repo, revision, caller);
  if (!resolved) co_return resolved.error();
  parts_.context.totals.requests += resolved->requests;
  auto const tokens = parts_.accesses.find(repo, resolved->commit, caller);
  if (!tokens) co_return fail(ErrorKind::unavailable, "its Xet storage did not answer a moment ago; adopt the folder again in a minute");
  auto const access = co_await tokens->get();
  if (!access) co_return access.error();
  auto const named = co_await parts_.adoption.name_contents(*tokens, caller.user_agent, std::move(etags));
  if (!named) co_return named.error();
  adopted_.named += *named;
  co_return Result<void>();
}

}  // namespace hubd::engine
