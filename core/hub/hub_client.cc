// SPDX-License-Identifier: Apache-2.0
#include "core/hub/hub_client.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "core/base/digest.h"
#include "core/base/text.h"
#include "core/hub/answers.h"
#include "core/http/rate_limit.h"
#include "core/http/url.h"
#include "core/net/backoff.h"

namespace hubd::hub {
namespace json = boost::json;

struct HubClient::Json {
  json::value value;
};
struct HubClient::Subject : About {};

namespace {

std::string api(RepoRef const& repo, std::string const& rest) {
  return repo.endpoint + "/api/" + std::string(plural_of(repo.type)) + "/" + http::encode_path(repo.id) + rest;
}

std::string text_of(json::object const& object, char const* key) {
  auto const* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  auto const& string = value->get_string();
  return std::string(string.data(), string.size());
}

std::optional<Bytes> size_of(json::object const& object, char const* key) {
  auto const* value = object.if_contains(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_int64() && value->get_int64() >= 0) return static_cast<Bytes>(value->get_int64());
  if (value->is_uint64()) return value->get_uint64();
  return std::nullopt;
}

Error malformed(RepoRef const& repo, std::string const& what) {
  auto error = fail(ErrorKind::bad_upstream, "the Hub at " + repo.endpoint + " sent a listing of " + describe(repo) +
                                                 " that cannot be right: " + what);
  error.host = repo.endpoint;
  return error;
}

/// One file entry of a tree or paths-info answer; nothing for a directory. `*problem` says why it cannot be right.
std::optional<ListedFile> listed_file(json::value const& value, std::string& problem) {
  auto const* object = value.if_object();
  if (object == nullptr) {
    problem = "an entry is not an object";
    return std::nullopt;
  }
  if (text_of(*object, "type") == "directory") return std::nullopt;
  ListedFile file;
  file.path = text_of(*object, "path");
  auto const checked = check_repo_path(file.path);
  if (!checked) {
    problem = checked.error().what;
    return std::nullopt;
  }
  file.blob_id = text_of(*object, "oid");
  auto const size = size_of(*object, "size");
  if (!size || !ContentId::parse(file.blob_id)) {
    problem = "entry " + file.path + " has no size or no hash";
    return std::nullopt;
  }
  file.size = *size;
  if (auto const* lfs = object->if_contains("lfs"); lfs != nullptr && lfs->is_object()) {
    file.lfs_sha256 = text_of(lfs->get_object(), "oid");
    auto const lfs_size = size_of(lfs->get_object(), "size");
    if (!lfs_size || file.lfs_sha256.size() != 64 || !ContentId::parse(file.lfs_sha256)) {
      problem = "entry " + file.path + " has no LFS size or hash";
      return std::nullopt;
    }
    file.size = *lfs_size;
  }
  file.xet_hash = text_of(*object, "xetHash");
  return file;
}

/// A file and a folder of one name cannot both exist on disk: a file of the sorted listing that `path` is below; or "".
std::string file_above(Listing const& listing, std::string const& path) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    auto const parent = path.substr(0, slash);
    auto const at = std::lower_bound(listing.begin(), listing.end(), parent,
                                     [](ListedFile const& file, std::string const& name) { return file.path < name; });
    if (at != listing.end() && at->path == parent) return parent;
  }
  return {};
}

/// A server may not make a request sleep for a day; the caller hears how long it wanted.
constexpr auto kWaitMax = std::chrono::minutes(10);

bool heals_by_waiting(int status) { return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504); }

}  // namespace

std::string resolve_url(RepoRef const& repo, std::string const& revision, std::string const& path) {
  auto const prefix = repo.type == RepoType::model ? std::string() : std::string(plural_of(repo.type)) + "/";
  return repo.endpoint + "/" + prefix + http::encode_path(repo.id) + "/resolve/" + http::encode_segment(revision) + "/" +
         http::encode_path(path);
}

http::Request HubClient::request_for(std::string method, std::string url, CallContext const& context) {
  http::Request request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.token = context.token;
  request.progress_deadline = context.progress_deadline;
  if (context.retries == 0) request.window_wait_max = Duration::zero();  // the caller knows something better than to wait
  if (!context.user_agent.empty()) request.headers.set("User-Agent", context.user_agent);
  request.headers.set("X-HF-Download-Counter", "1");
  return request;
}

Async<std::unique_ptr<http::Response>> HubClient::ask(http::Request request, Subject subject, CallContext context) {
  net::Backoff const backoff;
  subject.with_token = !context.token.empty();
  for (unsigned attempt = 0;; ++attempt) {
    if (context.requests != nullptr) ++*context.requests;
    http::Request copy = request;
    auto answer = co_await client_.send(std::move(copy));
    Error error;
    bool worth_a_retry = false;
    if (answer) {
      auto& response = **answer;
      if (response.status() < 400) co_return std::move(*answer);
      std::string body;
      auto const text = co_await http::read_all(response, 64_KiB);
      if (text) body = *text;
      if (!text && text.error().kind == ErrorKind::cancelled) co_return text.error();
      error = classify(response.status(), response.headers(), body, response.route().host, response.request_id(), subject);
      worth_a_retry = heals_by_waiting(response.status());
    } else {
      error = answer.error();
      if (subject.repo) error.what = describe(*subject.repo) + " could not be looked up: " + error.what;
      // A name that does not resolve or a refused connection seldom heals in seconds: one more try.
      worth_a_retry = error.kind == ErrorKind::unreachable && attempt == 0;
    }
    if (!worth_a_retry || attempt >= context.retries) co_return error;
    Duration const wait = error.retry_after ? Duration(*error.retry_after) : backoff.wait(attempt);
    if (wait > kWaitMax) co_return error;
    if (context.deadline && timers_.clock().now() + wait >= *context.deadline) co_return error;
    log_.info("trying again in " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count()) +
              " ms: " + describe(error));
    bool const slept = co_await timers_.sleep_for(wait);
    if (!slept) co_return fail(ErrorKind::cancelled, error.what);
  }
}

Async<std::unique_ptr<HubClient::Json>> HubClient::ask_json(http::Request request, Subject subject, CallContext context,
                                                            http::Headers* headers) {
  auto const url = request.url;
  http::Request copy = request;
  auto answer = co_await ask(std::move(copy), subject, context);
  if (!answer) co_return answer.error();
  auto const upstream = [&answer, &url](std::string const& why) {
    auto const& response = **answer;
    auto error = fail(ErrorKind::bad_upstream, response.route().host + " answered " + http::without_query(url) + " with " + why +
                                                   "; a proxy or captive portal may stand in between");
    error.host = response.route().host;
    error.request_id = response.request_id();
    error.http_status = response.status();
    return error;
  };
  auto const type = std::string((*answer)->headers().get("Content-Type").value_or(""));
  if (type.find("html") != std::string::npos) co_return upstream("an HTML page instead of JSON");
  auto body = co_await http::read_all(**answer, limits_.json_max);
  if (!body && body.error().kind == ErrorKind::bad_upstream && context.retries > 0) {
    // The connection broke inside of the answer: once more, all of it.
    answer = co_await ask(std::move(request), subject, context);
    if (!answer) co_return answer.error();
    body = co_await http::read_all(**answer, limits_.json_max);
  }
  if (!body) co_return body.error();
  if (headers != nullptr) *headers = (*answer)->headers();
  auto parsed = std::make_unique<Json>();
  json::error_code error;
  json::parse_options options;
  options.max_depth = 64;
  parsed->value = json::parse(json::string_view(body->data(), body->size()), error, {}, options);
  if (error) co_return upstream("something that is not JSON (" + error.message() + ")");
  co_return parsed;
}

Async<RevisionInfo> HubClient::revision_info(RepoRef repo, std::string revision, CallContext context) {
  auto request = request_for("GET", api(repo, "/revision/" + http::encode_segment(revision)), context);
  Subject subject;
  subject.repo = repo;
  subject.revision = revision;
  auto const parsed = co_await ask_json(std::move(request), subject, context, nullptr);
  if (!parsed) co_return parsed.error();
  auto const* object = (*parsed)->value.if_object();
  auto const commit = object == nullptr ? std::nullopt : Commit::parse(text_of(*object, "sha"));
  if (!commit) co_return malformed(repo, "revision " + revision + " has no commit");
  RevisionInfo info{*commit, false};
  if (auto const* value = object->if_contains("private"); value != nullptr && value->is_bool()) info.restricted = value->get_bool();
  if (auto const* value = object->if_contains("gated"); value != nullptr)
    info.restricted = info.restricted || value->is_string() || (value->is_bool() && value->get_bool());
  co_return info;
}

Async<Listing> HubClient::tree(RepoRef repo, std::string revision, CallContext context) {
  Listing listing;
  auto url = api(repo, "/tree/" + http::encode_segment(revision) + "?recursive=true&expand=false");
  auto const home = http::parse_url(url);
  if (!home) co_return home.error();
  Subject subject;
  subject.repo = repo;
  subject.revision = revision;
  std::set<std::string, std::less<>> asked;
  for (std::size_t page = 0;; ++page) {
    asked.insert(url);
    if (page >= limits_.pages_max) co_return malformed(repo, "it has more than " + std::to_string(limits_.pages_max) + " pages");
    auto request = request_for("GET", url, context);
    http::Headers headers;
    auto const parsed = co_await ask_json(std::move(request), subject, context, &headers);
    if (!parsed) co_return parsed.error();
    auto const* entries = (*parsed)->value.if_array();
    if (entries == nullptr) co_return malformed(repo, "a page is not a list");
    for (auto const& entry : *entries) {
      std::string problem;
      auto file = listed_file(entry, problem);
      if (!problem.empty()) co_return malformed(repo, problem);
      if (file) listing.push_back(std::move(*file));
      if (listing.size() > limits_.entries_max) co_return malformed(repo, "it has more than " + std::to_string(limits_.entries_max) + " files");
    }
    auto const next = http::link_target(headers, "next");
    if (!next) break;
    auto const next_url = http::parse_url(*next);
    if (!next_url || next_url->origin != home->origin || asked.contains(*next))
      co_return malformed(repo, "its next page is on another host, or one that came before");
    url = *next;
  }
  std::sort(listing.begin(), listing.end(), [](ListedFile const& a, ListedFile const& b) { return a.path < b.path; });
  auto const twice = std::adjacent_find(listing.begin(), listing.end(), [](auto const& a, auto const& b) { return a.path == b.path; });
  if (twice != listing.end()) co_return malformed(repo, "file " + twice->path + " stands in it twice");
  for (auto const& file : listing)
    if (auto const parent = file_above(listing, file.path); !parent.empty())
      co_return malformed(repo, parent + " is a file and a folder");
  co_return listing;
}

Async<Listing> HubClient::paths_info(RepoRef repo, std::string revision, std::vector<std::string> paths, CallContext context) {
  auto request = request_for("POST", api(repo, "/paths-info/" + http::encode_segment(revision)), context);
  json::object body;
  json::array list;
  for (auto const& path : paths) list.emplace_back(path);
  body["paths"] = std::move(list);
  body["expand"] = false;
  request.body = json::serialize(body);
  request.headers.set("Content-Type", "application/json");
  Subject subject;
  subject.repo = repo;
  subject.revision = revision;
  auto const parsed = co_await ask_json(std::move(request), subject, context, nullptr);
  if (!parsed) co_return parsed.error();
  auto const* entries = (*parsed)->value.if_array();
  if (entries == nullptr) co_return malformed(repo, "paths-info is not a list");
  Listing listing;
  for (auto const& entry : *entries) {
    std::string problem;
    auto file = listed_file(entry, problem);
    if (!problem.empty()) co_return malformed(repo, problem);
    if (file) listing.push_back(std::move(*file));
  }
  co_return listing;
}

Async<std::vector<RefInfo>> HubClient::refs(RepoRef repo, CallContext context) {
  auto request = request_for("GET", api(repo, "/refs?include_prs=1"), context);
  Subject subject;
  subject.repo = repo;
  auto const parsed = co_await ask_json(std::move(request), subject, context, nullptr);
  if (!parsed) co_return parsed.error();
  auto const* object = (*parsed)->value.if_object();
  if (object == nullptr) co_return malformed(repo, "its refs are not an object");
  std::vector<RefInfo> refs;
  for (char const* group : {"branches", "converts", "tags", "pullRequests"}) {
    auto const* list = object->if_contains(group);
    if (list == nullptr || !list->is_array()) continue;
    for (auto const& item : list->get_array())
      if (auto const* ref = item.if_object()) refs.push_back({text_of(*ref, "name"), text_of(*ref, "ref"), text_of(*ref, "targetCommit")});
  }
  co_return refs;
}

Async<FileMetadata> HubClient::file_metadata(RepoRef repo, std::string revision, std::string path, CallContext context) {
  auto request = request_for("HEAD", resolve_url(repo, revision, path), context);
  request.redirects = http::Redirects::within_origin;
  Subject subject;
  subject.repo = repo;
  subject.revision = revision;
  subject.path = path;
  auto const answer = co_await ask(std::move(request), subject, context);
  if (!answer) co_return answer.error();
  auto const& response = **answer;
  // The Hub's headers stand on the last answer, or on a redirect before it.
  auto const find = [&response](char const* name) -> std::string {
    if (auto const value = response.headers().get(name)) return std::string(*value);
    for (auto const& [url, headers] : response.hops())
      if (auto const value = headers.get(name)) return std::string(*value);
    return {};
  };
  FileMetadata metadata;
  metadata.commit = find("X-Repo-Commit");
  metadata.etag = find("X-Linked-Etag");
  if (metadata.etag.empty()) metadata.etag = find("ETag");
  while (metadata.etag.starts_with('W') || metadata.etag.starts_with('/')) metadata.etag.erase(0, 1);
  std::erase(metadata.etag, '"');
  if (metadata.commit.empty() && Commit::parse(revision)) metadata.commit = revision;
  auto const size = find("X-Linked-Size");
  if (!size.empty() && size.size() < 19 && size.find_first_not_of("0123456789") == std::string::npos) metadata.size = std::stoull(size);
  if (!metadata.size && response.status() < 300) metadata.size = response.content_length();
  if (!ContentId::parse(metadata.etag) || !Commit::parse(metadata.commit))
    co_return malformed(repo, "file " + path + " has no usable hash or commit header");
  co_return metadata;
}

Async<Identity> HubClient::whoami(std::string endpoint, CallContext context) {
  if (context.token.empty()) co_return fail(ErrorKind::unauthorized, "not logged in; use `hubctl auth login` or set HF_TOKEN");
  auto request = request_for("GET", endpoint + "/api/whoami-v2", context);
  Subject const subject;
  auto const parsed = co_await ask_json(std::move(request), subject, context, nullptr);
  if (!parsed) co_return parsed.error();
  auto const* object = (*parsed)->value.if_object();
  if (object == nullptr) co_return fail(ErrorKind::bad_upstream, "the Hub at " + endpoint + " did not say who this token is");
  Identity identity;
  identity.name = text_of(*object, "name");
  identity.type = text_of(*object, "type");
  identity.raw_json = json::serialize((*parsed)->value);
  if (auto const* orgs = object->if_contains("orgs"); orgs != nullptr && orgs->is_array())
    for (auto const& org : orgs->get_array())
      if (auto const* entry = org.if_object()) identity.orgs.push_back(text_of(*entry, "name"));
  if (auto const* auth = object->if_contains("auth"); auth != nullptr && auth->is_object())
    if (auto const* token = auth->get_object().if_contains("accessToken"); token != nullptr && token->is_object()) {
      identity.token_name = text_of(token->get_object(), "displayName");
      identity.token_role = text_of(token->get_object(), "role");
    }
  if (identity.token_name.empty()) identity.token_name = "oauth-" + identity.name;
  if (identity.name.empty()) co_return fail(ErrorKind::bad_upstream, "the Hub at " + endpoint + " did not say who this token is");
  co_return identity;
}

Async<XetToken> HubClient::xet_read_token(RepoRef repo, std::string revision, CallContext context) {
  auto request = request_for("GET", api(repo, "/xet-read-token/" + http::encode_segment(revision)), context);
  Subject subject;
  subject.repo = repo;
  subject.revision = revision;
  auto const parsed = co_await ask_json(std::move(request), subject, context, nullptr);
  if (!parsed) co_return parsed.error();
  XetToken answer;
  std::optional<Bytes> expires;
  if (auto const* object = (*parsed)->value.if_object()) {
    answer.cas_url = text_of(*object, "casUrl");
    answer.token = Secret(text_of(*object, "accessToken"));
    expires = size_of(*object, "exp");
  }
  while (answer.cas_url.ends_with('/')) answer.cas_url.pop_back();
  auto const url = http::parse_url(answer.cas_url);
  if (!url || answer.token.empty() || !expires) {
    auto error = fail(ErrorKind::bad_upstream, "the Hub at " + repo.endpoint + " gave no usable right to read the content of " +
                                                   describe(repo) + " (its xet-read-token lacks a URL, a token or an expiry)");
    error.host = repo.endpoint;
    co_return error;
  }
  constexpr Bytes seconds_max = 9'000'000'000;  // what a WallTime holds
  answer.expires = WallTime(std::chrono::seconds(std::min(*expires, seconds_max)));
  co_return answer;
}

Async<RawAnswer> HubClient::raw(RawRequest wanted, CallContext context) {
  net::Backoff const backoff;
  auto request = request_for(wanted.method, wanted.url, context);
  request.redirects = http::Redirects::within_origin;
  if (!wanted.body.empty()) {
    request.body = std::move(wanted.body);
    request.headers.set("Content-Type", "application/json");
  }
  for (unsigned attempt = 0;; ++attempt) {
    if (context.requests != nullptr) ++*context.requests;
    http::Request copy = request;
    auto const sent = co_await client_.send(std::move(copy));
    Duration wait = backoff.wait(attempt);
    if (sent) {
      auto& response = **sent;
      auto body = co_await http::read_all(response, limits_.raw_max);
      if (!body) co_return body.error();
      auto const asked = http::requested_wait(response.status(), response.headers());
      if (asked) wait = *asked;
      bool const again = heals_by_waiting(response.status()) && attempt < context.retries && wait <= kWaitMax &&
                         !(context.deadline && timers_.clock().now() + wait >= *context.deadline);
      if (!again) {
        RawAnswer answer;
        answer.status = response.status();
        answer.url = response.url();
        for (auto const& [name, value] : response.headers()) answer.headers.emplace_back(lower(name), value);
        answer.body = std::move(*body);
        co_return answer;
      }
    } else {
      bool const again = sent.error().kind == ErrorKind::unreachable && attempt == 0 && context.retries > 0;
      if (!again) co_return sent.error();
    }
    bool const slept = co_await timers_.sleep_for(wait);
    if (!slept) co_return fail(ErrorKind::cancelled, "the call to " + http::without_query(request.url) + " was cancelled");
  }
}

}  // namespace hubd::hub
