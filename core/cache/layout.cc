// SPDX-License-Identifier: Apache-2.0
#include "core/cache/layout.h"

#include <algorithm>

namespace hubd::cache {
namespace {

constexpr std::size_t revision_size_max = 1024;
constexpr std::size_t etag_size_max = 200;  // leaves room for the lock's and the temporaries' endings
constexpr std::size_t segment_size_max = 255;  // NAME_MAX of every file system we know

std::string path_of(std::string_view folder, std::string_view name) {
  std::string path;
  path.reserve(folder.size() + 1 + name.size());
  path.append(folder).append(1, '/').append(name);
  return path;
}

Result<void> bad_revision(std::string_view revision, std::string_view why) {
  return fail(ErrorKind::bad_request, "revision '" + std::string(revision.substr(0, segment_size_max)) +
                                          "' is not valid: " + std::string(why));
}

}  // namespace

std::string Layout::repo_folder(RepoType type, std::string_view id) {
  std::string name(plural_of(type));
  name += "--";
  for (char const c : id) {
    if (c == '/')
      name += "--";
    else
      name += c;
  }
  return name;
}

std::optional<std::pair<RepoType, std::string>> Layout::parse_repo_folder(std::string_view name) {
  auto const end = name.find("--");
  if (end == std::string_view::npos || end + 2 == name.size()) return std::nullopt;
  auto const prefix = name.substr(0, end);
  auto const type = repo_type_from(prefix);
  if (!type || prefix != plural_of(*type)) return std::nullopt;
  std::string id;
  for (auto i = end + 2; i < name.size(); ++i) {
    if (name.substr(i, 2) == "--") {
      id += '/';
      ++i;
    } else {
      id += name[i];
    }
  }
  return std::pair(*type, std::move(id));
}

std::string Layout::repo(RepoRef const& repo) const { return path_of(root_, repo_folder(repo.type, repo.id)); }

std::string Layout::blobs(RepoRef const& repo) const { return path_of(this->repo(repo), "blobs"); }

std::string Layout::blob(RepoRef const& repo, std::string_view etag) const { return path_of(blobs(repo), etag); }

std::string Layout::snapshot(RepoRef const& repo, Commit const& commit) const {
  return path_of(this->repo(repo), "snapshots/" + commit.hex());
}

std::string Layout::pointer(RepoRef const& repo, Commit const& commit, std::string_view path) const {
  return path_of(snapshot(repo, commit), path);
}

std::string Layout::pointer_relative(RepoRef const& repo, Commit const& commit, std::string_view path) const {
  return path_of(repo_folder(repo.type, repo.id) + "/snapshots/" + commit.hex(), path);
}

std::string Layout::pointer_text(std::string_view path, std::string_view etag) {
  std::string text = "../../";
  for (auto folders = std::count(path.begin(), path.end(), '/'); folders > 0; --folders) text += "../";
  return text.append("blobs/").append(etag);
}

std::string Layout::ref(RepoRef const& repo, std::string_view revision) const {
  return path_of(path_of(this->repo(repo), "refs"), revision);
}

std::string Layout::no_exist(RepoRef const& repo, Commit const& commit, std::string_view path) const {
  return path_of(path_of(this->repo(repo), ".no_exist/" + commit.hex()), path);
}

std::string Layout::tree(RepoRef const& repo, Commit const& commit) const {
  return path_of(this->repo(repo), "trees/" + commit.hex() + ".json");
}

std::string Layout::lock(RepoRef const& repo, std::string_view etag) const {
  return path_of(path_of(path_of(root_, ".locks"), repo_folder(repo.type, repo.id)), etag) + ".lock";
}

Result<void> check_revision(std::string_view revision) {
  if (revision.empty()) return bad_revision(revision, "it is empty");
  if (revision.size() > revision_size_max) return bad_revision(revision, "it is longer than 1024 bytes");
  auto const is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(revision.begin(), revision.end(), is_control))
    return bad_revision("(not shown)", "it has a control character");
  for (auto rest = revision;;) {
    auto const slash = rest.find('/');
    auto const segment = rest.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..")
      return bad_revision(revision, "it has an empty, '.' or '..' segment");
    if (segment.size() > segment_size_max) return bad_revision(revision, "a segment is longer than 255 bytes");
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Result<void> check_etag(std::string_view etag) {
  auto const is_bad = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/'; };
  if (!etag.empty() && etag.size() <= etag_size_max && !etag.starts_with('.') && !etag.ends_with(".incomplete") &&
      std::none_of(etag.begin(), etag.end(), is_bad))
    return {};
  return fail(ErrorKind::bad_request, "the Hub named a content id that cannot be a file name");
}

}  // namespace hubd::cache
