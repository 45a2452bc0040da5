// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hubd {

enum class RepoType : std::uint8_t { model = 1, dataset = 2, space = 3, kernel = 4 };

/// "model", "dataset", "space", "kernel".
std::string_view name_of(RepoType type) noexcept;
/// Accepts singular and plural ("models"); nothing otherwise.
std::optional<RepoType> repo_type_from(std::string_view name) noexcept;
/// "models", "datasets", ...: the API path segment and the prefix of the cache folder.
std::string_view plural_of(RepoType type) noexcept;

/// Which repo, on which Hub. `endpoint` has no trailing slash. The endpoint is part of every key, since two Hubs may
/// hold different repos of one name.
struct RepoRef {
  std::string endpoint;
  RepoType type = RepoType::model;
  std::string id;  ///< "ns/name", or "gpt2"

  friend auto operator<=>(RepoRef const&, RepoRef const&) = default;
};

/// "model org/name": how sentences name it.
std::string describe(RepoRef const& repo);

/// Checks a repo id by huggingface_hub's rules (hub-files 1.2). Fails: bad_request.
Result<void> check_repo_id(std::string_view id);
/// Checks a path inside a repo: relative, no empty, `.` or `..` segment, no NUL, no backslash tricks. Fails: bad_request.
Result<void> check_repo_path(std::string_view path);

/// A full commit: exactly 40 lower-case hex digits.
class Commit {
 public:
  static std::optional<Commit> parse(std::string_view text);
  [[nodiscard]] std::string const& hex() const { return hex_; }
  friend auto operator<=>(Commit const&, Commit const&) = default;

 private:
  explicit Commit(std::string hex) : hex_(std::move(hex)) {}
  std::string hex_;
};

}  // namespace hubd
