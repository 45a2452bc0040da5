// SPDX-License-Identifier: Apache-2.0
// Which repo a request means, and whether its caller may.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <ctime>

#include "tests/localhub/hub.h"

namespace hubd::localhub {
namespace {

constexpr std::array<std::string_view, 20> kVerbs{
    "revision", "tree",     "paths-info", "refs",       "commits",        "commit",          "preupload",
    "branch",   "tag",      "settings",   "auth-check", "xet-read-token", "xet-write-token", "super-squash",
    "lfs-files", "discussions", "likers", "like",       "duplicate",      "safetensors-metadata"};
// The verbs that stand at the end; the others are followed by a revision or the like.
constexpr std::array<std::string_view, 8> kLastVerbs{"refs", "settings", "auth-check", "lfs-files", "discussions", "likers", "like", "duplicate"};
constexpr std::array<std::string_view, 5> kWebVerbs{"resolve", "raw", "blob", "tree", "commit"};

template <std::size_t N>
bool one_of(std::array<std::string_view, N> const& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <std::size_t N>
bool read_id(std::vector<std::string> const& parts, std::size_t from, std::array<std::string_view, N> const& verbs, Place& place) {
  std::size_t length = 0;
  if (parts.size() > from + 2 && one_of(verbs, parts[from + 2])) {
    length = 2;
  } else if (parts.size() > from + 1 && one_of(verbs, parts[from + 1]) && (parts.size() > from + 2 || one_of(kLastVerbs, parts[from + 1]))) {
    length = 1;  // a bare id; "alice/commits" is a repo
  } else if (parts.size() == from + 2 || parts.size() == from + 1) {
    length = parts.size() - from;
  } else {
    return false;
  }
  place.id_from = from;
  place.id_end = from + length;
  place.id = percent_decode(parts[from]);
  if (length == 2) place.id += "/" + percent_decode(parts[from + 1]);
  if (parts.size() > place.id_end) place.verb = parts[place.id_end];
  place.rest = place.id_end + 1;
  return !place.id.empty();
}

bool read_git(std::vector<std::string> const& parts, std::size_t from, Place& place) {
  for (std::size_t i = from; i < parts.size() && i < from + 2; ++i) {
    if (!parts[i].ends_with(".git") || i + 1 >= parts.size()) continue;
    place.id = percent_decode(parts[from]);
    if (i > from) place.id += "/" + percent_decode(parts[i]);
    place.id.resize(place.id.size() - 4);
    place.git = true;
    place.id_from = from;
    place.id_end = i + 1;
    place.rest = i + 1;
    place.verb = "git";
    return true;
  }
  return false;
}

}  // namespace

std::optional<Place> place_of(std::vector<std::string> const& parts) {
  Place place;
  if (parts.empty()) return std::nullopt;
  if (parts[0] == "api") {
    if (parts.size() < 3) return std::nullopt;
    place.type = singular(parts[1]);
    if (place.type.empty() || !read_id(parts, 2, kVerbs, place)) return std::nullopt;
    return place;
  }
  auto const typed = singular(parts[0]);
  bool const prefixed = !typed.empty() && typed != "model" && parts.size() > 1;
  place.type = prefixed ? typed : "model";
  std::size_t const from = prefixed ? 1 : 0;
  if (read_git(parts, from, place)) return place;
  if (!read_id(parts, from, kWebVerbs, place)) return std::nullopt;
  return place;
}

std::string route_class(std::string_view origin, std::string_view method, std::vector<std::string> const& parts) {
  bool const head = method == "HEAD";
  if (origin == "cas") return cas_route(method, parts);
  if (origin == "xorbs") return xorb_route(method, parts);
  if (origin == "cdn") return method == "PUT" ? "upload" : head ? "cdn-head" : "cdn";
  if (parts.empty()) return "other";
  if (parts[0] == "_localhub") return "control";
  if (parts[0] == "api" && parts.size() >= 2) {
    if (parts[1] == "resolve-cache") return head ? "resolve-cache-head" : "resolve-cache";
    if (parts[1] == "whoami-v2") return "whoami";
    if (parts[1] == "agent-harnesses" || parts[1] == "telemetry" || parts[1] == "validate-yaml") return parts[1];
    if (parts[1] == "repos") return "repos";
    if (parts[1] == "complete_multipart") return "lfs-complete";
    if (parts.size() == 2 && !singular(parts[1]).empty()) return "list";
  }
  auto const place = place_of(parts);
  if (!place) return "other";
  auto const& verb = place->verb;
  if (place->git) return parts.back() == "verify" ? "lfs-verify" : parts.back() == "batch" ? "lfs-batch" : "other";
  if (parts[0] == "api") {
    if (verb.empty()) return "info";
    if (verb == "xet-read-token" || verb == "xet-write-token") return "xet-token";
    if (verb == "super-squash") return "squash";
    if (verb == "settings") return "repos";
    for (auto const* name : {"revision", "tree", "paths-info", "refs", "commits", "commit", "preupload", "branch", "tag", "auth-check"}) {
      if (verb == name) return verb;
    }
    return "other";
  }
  if (verb == "resolve") return head ? "resolve-head" : "resolve-get";
  if (verb == "raw") return "raw";
  return "other";
}

std::string date_text(std::int64_t unix_ms) {
  auto const seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> out{};
  auto const used = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(unix_ms % 1000));
  return std::string(out.data(), used) + fraction.data();
}

std::string Hub::now_text() const {
  return date_text(std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch()).count());
}

Hub::Caller Hub::caller_of(Call const& call) const {
  Caller caller;
  auto const header = call.header("authorization");
  if (header.empty()) return caller;
  caller.presented = true;
  if (lower(header.substr(0, 7)) == "bearer ") caller.user = world.user_by_token(trim(header.substr(7)));
  return caller;
}

std::optional<Answer> Hub::credentials_refused(Call const& call) const {
  auto const caller = caller_of(call);
  if (!caller.presented || caller.user != nullptr) return std::nullopt;
  auto answer = error_answer(401, "", "Invalid credentials in Authorization header");
  answer.set("WWW-Authenticate", "Bearer realm=\"Authentication required\", charset=\"UTF-8\"");
  return answer;
}

Answer Hub::not_found(Caller const& caller) const {
  if (caller.user != nullptr) return error_answer(404, "RepoNotFound", "Repository not found");
  auto answer = error_answer(401, knobs.error_code_on_401 ? "RepoNotFound" : "", "Invalid username or password.");
  answer.set("WWW-Authenticate", "Bearer realm=\"Authentication required\", charset=\"UTF-8\"");
  return answer;
}

Answer Hub::moved(Call const& call, Place const& place, std::string const& id) {
  std::string target;
  for (std::size_t i = 0; i < place.id_from; ++i) target += "/" + call.segments[i];
  target += "/" + id + (place.git ? ".git" : "");
  for (auto i = place.id_end; i < call.segments.size(); ++i) target += "/" + call.segments[i];
  if (auto const mark = call.target.find('?'); mark != std::string::npos) target += call.target.substr(mark);
  auto answer = text_answer(307, "Temporary Redirect. Redirecting to " + target);
  answer.set("Location", target);
  return answer;
}

Hub::Opened Hub::open(Call const& call, Place const& place, Need need) {
  Opened opened;
  opened.caller = caller_of(call);
  auto const* user = opened.caller.user;
  if (auto refused = credentials_refused(call)) {
    opened.refusal = std::move(refused);
    return opened;
  }
  auto* repo = world.find(place.type, place.id);
  if (repo == nullptr) {
    auto const target = world.renamed(place.type, place.id);
    auto const* renamed = target.empty() ? nullptr : world.find(place.type, target);
    bool const follow = renamed != nullptr && world.may_see(*renamed, user);
    opened.refusal = follow ? moved(call, place, renamed->id) : not_found(opened.caller);
    return opened;
  }
  opened.repo = repo;
  if (!world.may_see(*repo, user)) {
    opened.refusal = not_found(opened.caller);
  } else if (repo->disabled) {
    opened.refusal = error_answer(403, "", "Access to this resource is disabled.");
  } else if (need == Need::files && !world.may_read_files(*repo, user)) {
    auto const web = call.base + "/" + url_prefix(repo->type) + repo->id;
    auto const subject = "Access to " + repo->type + " " + repo->id + " is restricted";
    opened.refusal = user == nullptr
                         ? error_answer(401, "GatedRepo", subject + ". You must have access to it and be authenticated to access it. Please log in.")
                         : error_answer(403, "GatedRepo", subject + " and you are not in the authorized list. Visit " + web + " to ask for access.");
  } else if (need == Need::write && user == nullptr) {
    opened.refusal = error_answer(401, knobs.error_code_on_401 ? "RepoNotFound" : "", "Invalid username or password.");
  } else if (need == Need::write && !world.may_write(*repo, user)) {
    opened.refusal = error_answer(403, "", "You don't have the rights to write to this " + repo->type + " repo");
  }
  return opened;
}

Hub::At Hub::at(Repo const& repo, std::string const& revision) {
  At found;
  found.commit = repo.resolve(revision);
  if (!found.commit) found.refusal = error_answer(404, "RevisionNotFound", "Invalid rev id: " + revision);
  return found;
}

Answer Hub::no_entry(std::string const& commit) {
  auto answer = error_answer(404, "EntryNotFound", "Entry not found");
  answer.set("X-Repo-Commit", commit);
  return answer;
}

std::optional<Answer> Hub::rate_refusal(Call const& call, std::string const& address, Fields& fields) {
  if (call.origin != "hub") return std::nullopt;
  bool const resolver = call.route.starts_with("resolve") || call.route == "raw";
  std::string const limit_class = resolver ? "resolvers" : "api";
  auto const limit = knobs.rate_limits.find(limit_class);
  if (limit == knobs.rate_limits.end()) return std::nullopt;
  auto const token = std::string(call.header("authorization"));
  auto const who = token.empty() ? address.substr(0, address.rfind(':')) : token;
  auto const state = windows_.take(limit_class, limit->second, who, signer.unix_now());
  fields.emplace_back("RateLimit", "\"" + limit_class + "\";r=" + std::to_string(state.remaining) + ";t=" + std::to_string(state.reset_s));
  fields.emplace_back("RateLimit-Policy", "\"fixed window\";\"" + limit_class + "\";q=" + std::to_string(limit->second.quota) +
                                              ";w=" + std::to_string(limit->second.window_s));
  if (state.allowed) return std::nullopt;
  return error_answer(429, "", "Too Many Requests: you have reached your '" + limit_class + "' rate limit.");
}

}  // namespace hubd::localhub
