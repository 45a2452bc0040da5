// SPDX-License-Identifier: Apache-2.0
#include "core/engine/lookups.h"

#include "core/engine/refusals.h"

namespace hubd::engine {
namespace {

constexpr Bytes kept_max = 32_MiB;        // of all answers together
constexpr Bytes answer_kept_max = 4_MiB;  // a longer one is asked again
constexpr std::size_t path_max = 16 * 1024;
constexpr unsigned retries_when_known = 0;
constexpr unsigned retries_otherwise = 4;

bool is_plain(std::string_view text) {
  for (char const c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '#') return false;
  return text.size() <= path_max;
}

bool has_part(std::string_view path, std::string_view part) { return path.find(part) != std::string_view::npos; }

/// About a repo, which changes as seldom as its branches.
bool is_about_repo(std::string_view path) {
  for (char const* prefix : {"/api/models/", "/api/datasets/", "/api/spaces/", "/api/kernels/"})
    if (path.starts_with(prefix)) return !has_part(path, "/auth-check");
  return has_part(path, "/resolve/");
}

/// The Hub's "no", which asking again at once would only repeat.
bool refuses(int status) { return status == 401 || status == 403 || status == 404; }

Result<void> check(LookupRequest const& request) {
  if (!request.path.starts_with('/') || request.path.starts_with("//") || has_part(request.path, "?") || !is_plain(request.path))
    return fail(ErrorKind::bad_request, "a lookup takes a percent-encoded path that begins with one slash");
  if (!is_plain(request.query)) return fail(ErrorKind::bad_request, "a lookup takes a percent-encoded query");
  bool const api = request.path.starts_with("/api/");
  bool const read = (request.method == "GET" && api) || request.method == "HEAD" ||
                    (request.method == "POST" && api && has_part(request.path, "/paths-info/"));
  if (!read) return fail(ErrorKind::not_supported, request.method + " " + request.path + " is not a read of the Hub's API");
  if (!request.body.empty() && request.method != "POST") return fail(ErrorKind::bad_request, "only a POST has a body");
  return {};
}

}  // namespace

Lookups::Known const* Lookups::recall(std::string const& key) {
  auto const found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return &recent_.front();
}

void Lookups::keep(std::string key, std::shared_ptr<LookupAnswer const> answer) {
  auto const drop = [this](Recent::iterator which) {
    kept_ -= which->answer->body.size();
    by_key_.erase(which->key);
    recent_.erase(which);
  };
  if (auto const old = by_key_.find(key); old != by_key_.end()) drop(old->second);
  bool const believed = answer->status < 300 || refuses(answer->status);
  if (!believed || answer->body.size() > answer_kept_max) return;
  kept_ += answer->body.size();
  recent_.push_front({key, std::move(answer), context_.clock().now()});
  by_key_.emplace(std::move(key), recent_.begin());
  while (kept_ > kept_max) drop(std::prev(recent_.end()));
}

Async<LookupResult> Lookups::ask(LookupRequest request) {
  auto const checked = check(request);
  if (!checked) co_return checked.error();
  auto const key = request.caller.endpoint + "\n" + request.method + "\n" + request.path + "?" + request.query + "\n" +
                   hash::sha256(as_bytes(request.body)).hex() + "\n" + fingerprint(request.caller.token);
  auto const age = request.max_age.value_or(is_about_repo(request.path) ? context_.tuning.branch_max_age : Duration::zero());
  auto const* known = recall(key);
  bool const prefer_local = context_.tuning.network == Tuning::Network::prefer_local;
  bool const refused = known != nullptr && refuses(known->answer->status);
  auto const believed = refused ? std::min<Duration>(age, refusal_kept) : age;
  if (known != nullptr && ((prefer_local && !refused) || context_.clock().now() - known->asked < believed)) {
    LookupResult remembered{known->answer, true, false, 0};
    co_return remembered;
  }
  if (context_.offline(request.caller))
    co_return fail(ErrorKind::offline, "hubd is offline and did not ask the Hub for " + request.path + "; go online to ask it");
  auto const last = known == nullptr || refused ? nullptr : known->answer;
  auto const retries = last ? retries_when_known : retries_otherwise;
  auto leader = std::make_shared<bool>(false);  // shared with the work, which may outlive this caller
  std::function<Async<Answer>()> work = [this, key, request, retries, leader]() {
    *leader = true;
    return send(key, request, retries);
  };
  auto const answer = co_await flights_.share(key, std::move(work));
  if (!answer) {
    if (!last || !hub_is_away(answer.error())) co_return answer.error();
    LookupResult stale{last, true, true, *leader ? 1U : 0U};
    co_return stale;
  }
  LookupResult result{answer->answer, false, false, *leader ? answer->requests : 0};
  co_return result;
}

Async<Lookups::Answer> Lookups::send(std::string key, LookupRequest request, unsigned retries) {
  Answer answer;
  hub::CallContext call;
  call.token = request.caller.token;
  call.user_agent = request.caller.user_agent;
  call.progress_deadline = context_.options.metadata_timeout;
  call.deadline = request.caller.deadline;
  call.retries = retries;
  call.requests = &answer.requests;
  hub::RawRequest raw;
  raw.method = request.method;
  raw.url = request.caller.endpoint + request.path + (request.query.empty() ? "" : "?" + request.query);
  raw.body = request.body;
  auto sent = co_await context_.parts.hub.raw(std::move(raw), call);
  context_.totals.requests += answer.requests;
  if (!sent) co_return sent.error();
  auto made = std::make_shared<LookupAnswer>();
  made->status = sent->status;
  made->url = std::move(sent->url);
  made->headers = std::move(sent->headers);
  made->body = std::move(sent->body);
  answer.answer = made;
  keep(std::move(key), std::move(made));
  co_return answer;
}

}  // namespace hubd::engine
