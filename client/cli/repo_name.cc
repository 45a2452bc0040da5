// SPDX-License-Identifier: Apache-2.0
#include "client/cli/repo_name.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hubd::cli {
namespace {

using client::ErrorKind;
using client::make_error;
using client::RepoType;

constexpr std::string_view kScheme = "hf://";
constexpr std::array<std::pair<std::string_view, RepoType>, 4> kTypes{{{"model", RepoType::model},
                                                                       {"dataset", RepoType::dataset},
                                                                       {"space", RepoType::space},
                                                                       {"kernel", RepoType::kernel}}};

/// The type named by a leading "datasets/", taken off `text`; only plurals are prefixes.
std::optional<RepoType> take_prefix(std::string_view& text) {
  for (auto const& [name, type] : kTypes) {
    auto const prefix = std::string(name) + "s/";
    if (text.starts_with(prefix)) {
      text.remove_prefix(prefix.size());
      return type;
    }
  }
  return std::nullopt;
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

/// How many characters of `text` are a revision: up to the next slash, but all of "refs/pr/N" and "refs/convert/x".
std::size_t revision_length(std::string_view text) {
  auto const slash = [&](std::size_t from) { return std::min(text.find('/', from), text.size()); };
  for (std::string_view const prefix : {"refs/pr/", "refs/convert/"})
    if (text.starts_with(prefix)) return slash(prefix.size());
  return slash(0);
}

client::Result<RepoName> parse_uri(std::string_view whole, std::string_view type_flag, std::string_view revision_flag) {
  if (!type_flag.empty() || !revision_flag.empty())
    return make_error(ErrorKind::bad_request,
                      "--type and --revision cannot be given together with " + quoted(whole) + ", which names them");
  auto text = whole.substr(kScheme.size());
  if (text.starts_with("buckets/"))
    return make_error(ErrorKind::bad_request, quoted(whole) + " is a bucket; this command takes repositories");
  RepoName name;
  name.repo.type = take_prefix(text).value_or(RepoType::model);
  // "ns/name", ended by '@', the second slash, or the end.
  auto const at = text.find('@');
  auto const first = text.find('/');
  auto const second = first == std::string_view::npos ? first : text.find('/', first + 1);
  auto const end = std::min({at, second, text.size()});
  name.repo.id = text.substr(0, end);
  auto rest = text.substr(end);
  if (rest.starts_with('@')) {
    rest.remove_prefix(1);
    auto const length = revision_length(rest);
    name.repo.revision = rest.substr(0, length);
    if (name.repo.revision.empty()) return make_error(ErrorKind::bad_request, quoted(whole) + " has an empty revision");
    rest.remove_prefix(length);
  }
  if (rest.starts_with('/')) rest.remove_prefix(1);
  name.path = rest;
  return name;
}

}  // namespace

std::optional<RepoType> repo_type_from(std::string_view text) {
  for (auto const& [name, type] : kTypes)
    if (text == name || (text.size() == name.size() + 1 && text.starts_with(name) && text.ends_with('s'))) return type;
  return std::nullopt;
}

std::string_view type_name(RepoType type) {
  for (auto const& [name, value] : kTypes)
    if (value == type) return name;
  return "model";
}

client::Result<RepoName> parse_repo(std::string_view text, std::string_view type_flag, std::string_view revision_flag) {
  if (text.starts_with(kScheme)) return parse_uri(text, type_flag, revision_flag);
  RepoName name;
  auto bare = text;
  // "datasets/ns/name" is a prefixed id; "datasets/name" is a repo of the account "datasets".
  std::optional<RepoType> prefixed;
  if (std::count(text.begin(), text.end(), '/') == 2) prefixed = take_prefix(bare);
  if (prefixed && !type_flag.empty())
    return make_error(ErrorKind::bad_request, quoted(text) + " names its type; leave --type out");
  name.repo.type = prefixed ? *prefixed : repo_type_from(type_flag).value_or(RepoType::model);
  name.repo.id = bare;
  name.repo.revision = revision_flag;
  return name;
}

client::Result<RepoName> parse_repo_at(std::string_view text, std::string_view type_flag,
                                       std::string_view revision_flag) {
  auto const at = text.find('@');
  if (text.starts_with(kScheme) || at == std::string_view::npos) return parse_repo(text, type_flag, revision_flag);
  auto const revision = text.substr(at + 1);
  if (!revision_flag.empty())
    return make_error(ErrorKind::bad_request, quoted(text) + " names its revision; leave --revision out");
  if (revision.empty()) return make_error(ErrorKind::bad_request, quoted(text) + " has an empty revision");
  return parse_repo(text.substr(0, at), type_flag, revision);
}

}  // namespace hubd::cli
