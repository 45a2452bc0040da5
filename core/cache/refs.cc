// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/cache/cache.h"
#include "core/cache/small_file.h"
#include "core/cache/trees.h"

namespace hubd::cache {
namespace {

constexpr Bytes ref_size_max = 4_KiB;
constexpr std::size_t prefix_size_min = 7;

std::string folder_of(std::string const& path) { return path.substr(0, path.find_last_of('/')); }

}  // namespace

Result<std::optional<Commit>> Cache::read_ref(RepoRef const& repo, std::string const& revision) {
  auto const valid = check_revision(revision);
  if (!valid) return valid.error();
  auto const text = read_small_file(files_, layout_.ref(repo, revision), ref_size_max);
  if (!text) return text.error();
  if (!*text) return std::optional<Commit>();
  std::string_view line = **text;
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return Commit::parse(line);
}

Result<void> Cache::write_ref(RepoRef const& repo, std::string const& revision, Commit const& commit) {
  if (Commit::parse(revision)) return {};
  auto const valid = check_revision(revision);
  if (!valid) return valid;
  auto const path = layout_.ref(repo, revision);
  // Compared as it stands: stock readers do not trim, so a newline after the commit has to go.
  auto const before = read_small_file(files_, path, ref_size_max);
  bool const equal = before && *before && **before == commit.hex();
  if (equal && files_.stat(layout_.snapshot(repo, commit))) return {};
  auto const allowed = may_publish_();
  if (!allowed) return allowed;
  auto const snapshot = layout_.snapshot(repo, commit);
  auto const made = with_folders(repo, snapshot, [&] { return files_.make_directories(snapshot); });
  if (!made || equal) return made;
  return with_folders(repo, folder_of(path), [&]() -> Result<void> {
    auto const folder = files_.make_directories(folder_of(path));
    if (!folder) return folder;
    // Below .locks/: a stock scan that met it in refs/ would take it for a ref.
    auto const temporary = folder_of(scratch(repo)) + "/" + path.substr(path.find_last_of('/') + 1) + "." +
                           random_.hex(8) + ".tmp";
    return fs::write_file_atomic(files_, path, temporary, commit.hex(), 0666, true);
  });
}

Result<std::optional<Commit>> Cache::find_commit(RepoRef const& repo, std::string const& prefix) {
  auto const nothing = std::optional<Commit>();
  if (prefix.size() < prefix_size_min) return nothing;
  auto const names = files_.list(layout_.repo(repo) + "/snapshots");
  if (!names) {
    if (is_absent(names.error())) return nothing;
    return names.error();
  }
  std::optional<Commit> found;
  for (auto const& name : *names) {
    if (!name.starts_with(prefix)) continue;
    auto const commit = Commit::parse(name);
    if (!commit) continue;
    if (found) return nothing;  // ambiguous
    found = commit;
  }
  return found;
}

Result<std::optional<Listing>> Cache::read_tree(RepoRef const& repo, Commit const& commit) {
  return read_tree_file(files_, layout_.tree(repo, commit));
}

Result<void> Cache::write_tree(RepoRef const& repo, Commit const& commit, Listing const& listing) {
  auto const path = layout_.tree(repo, commit);
  if (files_.stat(path)) return {};
  auto const allowed = may_publish_();
  if (!allowed) return allowed;
  return with_folders(repo, folder_of(path), [&] { return write_tree_file(files_, random_, path, listing); });
}

Result<void> Cache::mark_absent(RepoRef const& repo, Commit const& commit, std::string const& path) {
  auto const valid = check_repo_path(path);
  if (!valid) return valid;
  auto const allowed = may_publish_();
  if (!allowed) return allowed;
  auto const marker = layout_.no_exist(repo, commit, path);
  return with_folders(repo, folder_of(marker), [&]() -> Result<void> {
    auto const file = files_.open(marker, fs::OpenMode::create);
    if (!file) return file.error();
    return {};
  });
}

Result<bool> Cache::marked_absent(RepoRef const& repo, Commit const& commit, std::string const& path) {
  auto const valid = check_repo_path(path);
  if (!valid) return valid.error();
  auto const stat = files_.stat(layout_.no_exist(repo, commit, path));
  if (stat) return stat->type == fs::Stat::Type::regular;
  if (is_absent(stat.error())) return false;
  return stat.error();
}

}  // namespace hubd::cache
