// SPDX-License-Identifier: Apache-2.0
#include "core/engine/revisions.h"

namespace hubd::engine {
namespace {

constexpr std::size_t known_max = 4096;
constexpr std::size_t prefix_min = 7;
constexpr auto away_max = std::chrono::seconds(15);  // how long a Hub that did not answer is not asked again
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

Revisions::Resolved Revisions::stale(Commit commit, std::string const& revision, std::string const& why) {
  return Resolved{commit, true, "the Hub could not be asked, so this is the last known commit of " + revision + ": " + why, 0};
}

std::optional<Revisions::Resolved> Revisions::recall(Key const& key) const {
  auto const known = known_.find(key);
  if (known == known_.end()) return std::nullopt;
  auto const& [commit, asked, away] = known->second;
  auto const age_max = away.empty() ? context_.tuning.branch_max_age : std::min<Duration>(context_.tuning.branch_max_age, away_max);
  if (context_.clock().now() - asked >= age_max) return std::nullopt;
  if (!away.empty()) return stale(commit, std::get<1>(key), away);
  return Resolved{commit, false, "", 0};
}

void Revisions::keep(Key key, Known known) {
  if (known_.size() >= known_max) known_.clear();
  known_.insert_or_assign(std::move(key), std::move(known));
}

Async<Revisions::Resolved> Revisions::resolve(RepoRef repo, std::string revision, Caller caller) {
  if (auto const commit = Commit::parse(revision)) co_return Resolved{*commit, false, "", 0};
  Key const key{repo, revision, fingerprint(caller.token)};
  bool const offline = context_.offline(caller);
  if (auto const known = recall(key)) co_return *known;
  auto local = co_await resolve_locally(repo, revision);
  if (auto const known = recall(key)) co_return *known;  // another caller asked meanwhile
  if (offline || (context_.tuning.network == Tuning::Network::prefer_local && local)) co_return local;

  if (auto const refused = refusals_.recall(key, context_.clock().now())) co_return *refused;
  auto const retries = local ? retries_when_known : retries_otherwise;
  auto leader = std::make_shared<bool>(false);  // shared with the work, which may outlive this caller
  std::function<Async<Answer>()> work = [this, key, repo, revision, caller, retries, leader]() {
    *leader = true;
    return ask(key, repo, revision, caller, retries);
  };
  auto const answer = co_await flights_.share(key, std::move(work));
  if (answer) co_return Resolved{answer->commit, false, "", *leader ? answer->requests : 0};
  if (!local || !hub_is_away(answer.error())) co_return answer.error();
  auto last = stale(local->commit, revision, describe(answer.error()));
  last.requests = *leader ? 1 : 0;
  if (*leader) keep(key, Known{local->commit, context_.clock().now(), describe(answer.error())});
  co_return last;
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
  if (!info) {
    refusals_.keep(std::move(key), info.error(), context_.clock().now());
    co_return info.error();
  }
  keep(std::move(key), Known{info->commit, context_.clock().now(), ""});
  co_return Answer{info->commit, requests};
}

}  // namespace hubd::engine
