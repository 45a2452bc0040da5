// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/caller.h"

namespace hubd::cli {

/// What differs between `models`, `datasets` and `spaces`.
struct RepoKind {
  std::string plural;  ///< the command, and the part of the Hub's path
  std::string noun;    ///< "model"
  client::RepoType type;
  std::vector<std::string> properties;  ///< of --expand
  std::vector<std::string> sorts;       ///< of --sort
  std::string example;                  ///< a repo for examples
};

std::span<RepoKind const> repo_kinds();
/// The one of a type; models for a type without commands.
RepoKind const& kind_of(client::RepoType type);

}  // namespace hubd::cli
