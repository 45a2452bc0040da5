// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "client/caller.h"
#include "client/result.h"

namespace hubd::cli {

/// What a person wrote for a repo: "ns/name", "datasets/ns/name" or "hf://[type/]ns/name[@rev][/path]".
struct RepoName {
  client::Repo repo;
  std::string path;  ///< the part of a URI behind the repo; "" when there is none
};

/// "model", "datasets", ...: singular or plural.
std::optional<client::RepoType> repo_type_from(std::string_view name);
/// "model", "dataset", "space", "kernel".
std::string_view type_name(client::RepoType type);

/// Reads `text` with the flags --type and --revision ("" when not given). Whether the id is a valid one is hubd's to
/// say. Fails: bad_request, for contradictions between the text and the flags, and for buckets.
client::Result<RepoName> parse_repo(std::string_view text, std::string_view type_flag, std::string_view revision_flag);
/// As parse_repo, and "ns/name@rev" is taken too.
client::Result<RepoName> parse_repo_at(std::string_view text, std::string_view type_flag,
                                       std::string_view revision_flag);

}  // namespace hubd::cli
