// SPDX-License-Identifier: Apache-2.0
#include "core/engine/revisions.h"

namespace hubd::engine {
namespace {

constexpr std::size_t known_max = 4096;
constexpr std::size_t prefix_min = 7;
constexpr unsigned retries_when_known = 0;  // the last known commit is better than a long wait
constexpr unsigned retries_otherwise = 4;

}  // namespace

Async<Revisions::Resolved> Revisions::resolve_locally(RepoRef repo, std::string revision) {
  if (auto const commit = Commit::parse(revision)) co_return Resolved{*commit, false, "", 0};
  auto look = [&]() -> Result<std::optional<Commit>> {
    auto const ref = context_.parts.cache.read_ref(repo, revision);
    if (!ref) return ref.error();
    if (*ref || revision.size() < prefix_min) return *ref;
    return context_.parts.cache.find_commit(repo, revision);
  };
  auto const found = co_await net::offload(context_.parts.disk, look);
  if (!found) co_return found.error();
  if (*found) co_return Resolved{**found, false, "", 0};
  co_return fail(ErrorKind::local_entry_not_found,
                 "revision " + revision + " of " + describe(repo) + " is not in the cache and the Hub was not asked; go online or name a cached commit");
}

std::optional<Commit> Revisions::recall(Key const& key) const {
  auto const known = known_.find(key);
  if (known == known_.end() || context_.clock().now() - known->second.asked >= context_.tuning.branch_max_age) return std::nullopt;
  return known->second.commit;
}

Async<Revisions::Resolved> Revisions::resolve(RepoRef repo, std::string revision, Caller caller) {
  if (auto const commit = Commit::parse(revision)) co_return Resolved{*commit, false, "", 0};
  Key const key{repo, revision, fingerprint(caller.token)};
  bool const offline = context_.offline(caller);
  if (auto const known = recall(key)) co_return Resolved{*known, false, "", 0};
  auto local = co_await resolve_locally(repo, revision);
  if (auto const known = recall(key)) co_return Resolved{*known, false, "", 0};  // another caller asked meanwhile
  if (offline || (context_.tuning.network == Tuning::Network::prefer_local && local)) co_return local;

  auto const retries = local ? retries_when_known : retries_otherwise;
  auto leader = std::make_shared<bool>(false);  // shared with the work, which may outlive this caller
  std::function<Async<Answer>()> work = [this, key, repo, revision, caller, retries, leader]() {
    *leader = true;
    return ask(key, repo, revision, caller, retries);
  };
  auto const answer = co_await flights_.share(key, std::move(work));
  if (answer) co_return Resolved{answer->commit, false, "", *leader ? answer->requests : 0};
  if (!local || !hub_is_away(answer.error())) co_return answer.error();
  local->stale = true;
  local->warning = "the Hub could not be asked, so this is the last known commit of " + revision + ": " + describe(answer.error());
  local->requests = *leader ? 1 : 0;
  co_return local;
}

Async<Revisions::Answer> Revisions::ask(Key key, RepoRef repo, std::string revision, Caller caller, unsigned retries) {
  std::uint64_t requests = 0;
  hub::CallContext call;
  call.token = caller.token;
  call.user_agent = caller.user_agent;
  call.progress_deadline = context_.options.metadata_timeout;
  call.retries = retries;
  call.requests = &requests;
  Result<hub::RevisionInfo> info = co_await context_.parts.hub.revision_info(repo, revision, call);
  for (auto const& mirror : context_.mirrors(repo.endpoint)) {
    if (info || !hub_is_away(info.error()) || context_.stopping) break;
    auto elsewhere = repo;
    elsewhere.endpoint = mirror;
    hub::CallContext anonymous = call;
    anonymous.token = Secret();
    anonymous.retries = retries_when_known;
    info = co_await context_.parts.hub.revision_info(elsewhere, revision, anonymous);
  }
  if (!info) co_return info.error();
  if (known_.size() >= known_max) known_.clear();
  known_.insert_or_assign(key, Known{info->commit, context_.clock().now()});
  co_return Answer{info->commit, requests};
}

}  // namespace hubd::engine
