// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/callers.h"

#include <algorithm>
#include <filesystem>

#include "core/base/call_note.h"
#include "daemon/config_keys.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

constexpr std::size_t user_agent_max = 512;
constexpr std::chrono::milliseconds deadline_max = std::chrono::hours(24 * 30);
constexpr int names_max = 100000;  // files or patterns in one selection

bool same_folder(std::string const& a, std::string const& b, bool may_look) {
  std::filesystem::path const left = std::filesystem::path(a).lexically_normal() / "";
  std::filesystem::path const right = std::filesystem::path(b).lexically_normal() / "";
  if (left == right) return true;
  std::error_code error;
  return may_look && std::filesystem::equivalent(a, b, error) && !error;
}

/// One header's worth of text: no control characters, bounded.
std::string clean(std::string const& text) {
  std::string out;
  for (char const c : text.substr(0, user_agent_max))
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  return out;
}

}  // namespace

Result<engine::Caller> Callers::caller(Principal principal, v1::Caller const& message) const {
  engine::Caller caller;
  caller.principal = principal;
  caller.endpoint = message.endpoint().empty() ? facts_.upstreams.front() : message.endpoint();
  while (caller.endpoint.ends_with('/')) caller.endpoint.pop_back();
  if (!is_plain_address(caller.endpoint))
    return fail(ErrorKind::bad_request, "endpoint " + without_password(caller.endpoint) +
                                            " is not an http or https address without user name and password");
  bool const own = std::find(facts_.upstreams.begin(), facts_.upstreams.end(), caller.endpoint) != facts_.upstreams.end();
  if (!own && principal.uid != policy_.own())
    return fail(ErrorKind::permission_denied, "user " + std::to_string(principal.uid) +
                                                  " may not name another endpoint than the upstreams of this hubd");
  if (!message.cache_root().empty() &&
      !same_folder(message.cache_root(), facts_.cache_root, policy_.may_name_paths(principal.uid)))
    return fail(ErrorKind::foreign_cache,
                "this hubd owns the cache " + facts_.cache_root + ", not " + message.cache_root());
  switch (message.token_mode()) {
    case v1::Caller::TOKEN_MODE_GIVEN:
      caller.token = Secret(message.token());
      break;
    case v1::Caller::TOKEN_MODE_NONE:
      break;
    default:
      caller.token = message.token().empty() ? stored_token_(principal) : Secret(message.token());
  }
  auto const unusual = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
  auto const& token = caller.token.reveal();
  if (std::any_of(token.begin(), token.end(), unusual))
    return fail(ErrorKind::bad_request, "the token holds blanks or control characters");
  if (is_call_id(message.call_id())) caller.call = message.call_id();
  caller.offline = message.offline();
  caller.disable_xet = message.disable_xet();
  if (message.deadline_ms() > 0) {
    std::chrono::milliseconds const wanted(message.deadline_ms());
    caller.deadline = clock_.now() + std::min(wanted, deadline_max);
  }
  caller.user_agent = clean(message.user_agent());
  return caller;
}

Result<RepoRef> Callers::repo(std::string const& endpoint, v1::Repo const& message) const {
  RepoRef repo;
  repo.endpoint = endpoint;
  repo.id = message.id();
  switch (message.type()) {
    case v1::REPO_TYPE_UNSPECIFIED:
    case v1::REPO_TYPE_MODEL:
      repo.type = RepoType::model;
      break;
    case v1::REPO_TYPE_DATASET:
      repo.type = RepoType::dataset;
      break;
    case v1::REPO_TYPE_SPACE:
      repo.type = RepoType::space;
      break;
    case v1::REPO_TYPE_KERNEL:
      repo.type = RepoType::kernel;
      break;
    default:
      return fail(ErrorKind::bad_request, "repo type " + std::to_string(message.type()) + " is not known to this hubd");
  }
  auto const checked = check_repo_id(repo.id);
  if (!checked) return checked.error();
  return repo;
}

Result<engine::Selection> Callers::selection(v1::Selection const& message) const {
  if (message.files_size() > names_max || message.allow_patterns_size() > names_max ||
      message.ignore_patterns_size() > names_max)
    return fail(ErrorKind::bad_request, "a selection takes at most " + std::to_string(names_max) + " names");
  engine::Selection selection;
  for (auto const& file : message.files()) {
    auto const checked = check_repo_path(file);
    if (!checked) return checked.error();
    selection.files.push_back(file);
  }
  if (message.has_allow_patterns() || message.allow_patterns_size() > 0)
    selection.filter.allow.emplace(message.allow_patterns().begin(), message.allow_patterns().end());
  selection.filter.ignore.assign(message.ignore_patterns().begin(), message.ignore_patterns().end());
  return selection;
}

Result<std::string> Callers::local_dir(Principal principal, std::string const& path) const {
  if (path.empty()) return path;
  if (!policy_.may_name_paths(principal.uid))
    return fail(ErrorKind::permission_denied, "user " + std::to_string(principal.uid) +
                                                  " may not name paths to this hubd, which runs as another user; use the cache");
  if (!path.starts_with('/') || path.find('\0') != std::string::npos)
    return fail(ErrorKind::bad_request, "local_dir " + path + " is not an absolute path");
  return std::filesystem::path(path).lexically_normal().string();
}

}  // namespace hubd::daemon
