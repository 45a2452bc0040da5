// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/repo.h"

namespace hubd::cache {

/// Where huggingface_hub puts things below a cache root (hub-files 8). Pure: no I/O. Paths are absolute unless said.
/// Arguments were checked by check_repo_id and check_repo_path; revisions by check_revision.
class Layout {
 public:
  /// `root` is absolute, without a trailing slash.
  explicit Layout(std::string root) : root_(std::move(root)) {}
  [[nodiscard]] std::string const& root() const { return root_; }

  /// "models--org--name". The endpoint is not part of it, as in the stock cache.
  static std::string repo_folder(RepoType type, std::string_view id);
  /// The reverse; nothing for a name that is no repo folder.
  static std::optional<std::pair<RepoType, std::string>> parse_repo_folder(std::string_view name);

  [[nodiscard]] std::string repo(RepoRef const& repo) const;
  [[nodiscard]] std::string blobs(RepoRef const& repo) const;
  [[nodiscard]] std::string blob(RepoRef const& repo, std::string_view etag) const;
  [[nodiscard]] std::string snapshot(RepoRef const& repo, Commit const& commit) const;
  [[nodiscard]] std::string pointer(RepoRef const& repo, Commit const& commit, std::string_view path) const;
  /// The pointer's path relative to the root: what clients get.
  [[nodiscard]] std::string pointer_relative(RepoRef const& repo, Commit const& commit, std::string_view path) const;
  /// The link text of a pointer: "../../blobs/<etag>", one more "../" per folder in `path`.
  static std::string pointer_text(std::string_view path, std::string_view etag);
  [[nodiscard]] std::string ref(RepoRef const& repo, std::string_view revision) const;
  [[nodiscard]] std::string no_exist(RepoRef const& repo, Commit const& commit, std::string_view path) const;
  [[nodiscard]] std::string tree(RepoRef const& repo, Commit const& commit) const;
  [[nodiscard]] std::string lock(RepoRef const& repo, std::string_view etag) const;

 private:
  std::string root_;
};

/// A revision that may become a path below refs/: no empty, "." or ".." segment, no control characters, at most 1024 bytes.
/// Fails: bad_request.
Result<void> check_revision(std::string_view revision);
/// An etag that may become a file name in blobs/: one segment of at most 200 bytes, no control characters, no temporary
/// name. Fails: bad_request.
Result<void> check_etag(std::string_view etag);

}  // namespace hubd::cache
