// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hubd::client {

enum class TokenMode : std::uint8_t {
  stored,  ///< the active one of hubd's own token file, if any
  given,   ///< Caller::token
  none,    ///< anonymous
};

/// What belongs to the caller and travels with each call; hubd's own environment never stands in for it.
/// caller_from() in client/environment.h fills one as huggingface_hub would.
struct Caller {
  std::string endpoint;  ///< "": hubd's default Hub
  std::string token;     ///< with TokenMode::given
  TokenMode token_mode = TokenMode::stored;
  std::string cache_root;                 ///< absolute; "": whatever hubd owns; another one fails with foreign_cache
  bool cache_named = true;                ///< false: cache_root is where nobody said anything; see Client::Options::mounts
  bool offline = false;                   ///< binds this call only
  bool disable_xet = false;               ///< by the plain route, for this call
  std::chrono::milliseconds deadline{0};  ///< for the whole call; 0: none
  std::string user_agent;
};

enum class RepoType : std::uint8_t { model = 1, dataset = 2, space = 3, kernel = 4 };

/// How much a transfer matters beside others, while they want more than there is. A share, not a rank.
enum class Priority : std::uint8_t { background = 1, normal = 2, interactive = 3 };

struct Repo {
  RepoType type = RepoType::model;
  std::string id;        ///< "ns/name"
  std::string revision;  ///< branch, tag, refs/pr/N, full or short commit; "": main
};

/// Which files of the listing. Explicit names win; else patterns; none of both: all.
struct Selection {
  std::vector<std::string> files;
  std::optional<std::vector<std::string>> allow;  ///< an empty list keeps nothing, an absent one everything
  std::vector<std::string> ignore;
};

}  // namespace hubd::client
