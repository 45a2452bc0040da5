// SPDX-License-Identifier: Apache-2.0
#include "core/cache/removal_target.h"

#include <array>

#include "core/base/repo.h"
#include "core/base/text.h"

namespace hubd::cache {
namespace {

constexpr std::string_view scheme = "hf://";

Error bad_uri(std::string_view uri, std::string_view why) {
  return fail(ErrorKind::bad_request, "'" + std::string(uri) + "' cannot be removed: " + std::string(why));
}

/// Cuts the first segment off `rest`.
std::string_view next_segment(std::string_view& rest) {
  auto const segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(segment.size() + 1, rest.size()));
  return segment;
}

Result<RemovalTarget> parse_uri(std::string_view uri) {
  auto rest = uri.substr(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto type = RepoType::model;
  auto const prefix = rest.substr(0, rest.find('/'));
  if (prefix == "buckets") return bad_uri(uri, "only models, datasets, spaces and kernels are in this cache");
  for (auto const candidate : {RepoType::model, RepoType::dataset, RepoType::space, RepoType::kernel}) {
    if (prefix != plural_of(candidate)) continue;
    type = candidate;
    (void)next_segment(rest);
    break;
  }
  auto const space = next_segment(rest);
  auto const name = next_segment(rest);
  if (name.find('@') != std::string_view::npos)
    return bad_uri(uri, rest.empty() ? "leave out '@revision' and give the commit instead"
                                     : "leave out '@revision'; the file goes from every cached revision");
  if (space.empty() || name.empty()) return bad_uri(uri, "name a repo as hf://[models/]namespace/name");
  if (!rest.empty() && !check_repo_path(rest)) return bad_uri(uri, "its file name is not valid");
  RemovalTarget target;
  target.repo = lower(std::string(name_of(type)) + "/" + std::string(space) + "/" + std::string(name));
  target.path = rest;
  return target;
}

}  // namespace

Result<RemovalTarget> parse_removal_target(std::string_view text) {
  if (text.starts_with(scheme)) return parse_uri(text);
  RemovalTarget target;
  auto const name = lower(text);
  if (Commit::parse(name))
    target.commit = name;
  else
    target.repo = name;
  return target;
}

}  // namespace hubd::cache
