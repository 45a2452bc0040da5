// SPDX-License-Identifier: Apache-2.0
#include "core/cache/scan.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "core/cache/layout.h"
#include "core/cache/shared_store.h"
#include "core/cache/small_file.h"

namespace hubd::cache {
namespace {

constexpr Bytes ref_size_max = 4_KiB;

using Inode = std::pair<std::uint64_t, std::uint64_t>;
using RefsByCommit = std::map<std::string, std::set<std::string>>;

Inode inode_of(fs::Stat const& stat) { return {stat.device, stat.inode}; }

WallTime wall_time(std::int64_t nanoseconds) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanoseconds)));
}

bool left_by_the_desktop(std::string_view name) {
  return name == ".DS_Store" || name == "Thumbs.db" || name == "desktop.ini";
}

/// A repo that is left out, with the stock client's text.
Error corrupted(std::string text) { return fail(ErrorKind::corrupt, std::move(text)); }

/// Every entry below `folder` that is no folder, as a path relative to it. Folders behind links are not entered.
Result<void> walk(fs::FileSystem& files, std::string const& folder, std::string const& prefix,
                  std::vector<std::string>& found) {
  auto const names = files.list(folder);
  if (!names) {
    if (is_absent(names.error())) return {};
    return names.error();
  }
  for (auto const& name : *names) {
    auto const path = folder + "/" + name;
    auto const stat = files.lstat(path);
    if (!stat) {
      if (is_absent(stat.error())) continue;
      return stat.error();
    }
    if (stat->type != fs::Stat::Type::directory) {
      found.push_back(prefix + name);
      continue;
    }
    auto const below = walk(files, path, prefix + name + "/", found);
    if (!below) return below;
  }
  return {};
}

/// One repo being scanned.
class RepoScan {
 public:
  RepoScan(fs::FileSystem& files, SharedStore const& store, bool store_marked) : files_(files), store_(store), store_marked_(store_marked) {}

  Result<ScannedRepo> run(std::string const& root, std::string const& name) {
    repo_.path = root + "/" + name;
    auto const named = read_name(name);
    if (!named) return named.error();
    auto const refs = read_refs();
    if (!refs) return refs.error();
    auto const revisions = read_revisions();
    if (!revisions) return revisions.error();
    if (!refs_.empty()) return corrupted("Reference(s) refer to missing commit hashes: " + refs_text() + " (" + repo_.path + ").");
    return finish();
  }

 private:
  Result<void> read_name(std::string const& name) {
    auto const stat = files_.stat(repo_.path);
    if (stat) folder_ = *stat;
    if (!stat && (!is_absent(stat.error()) || !files_.lstat(repo_.path))) return stat.error();
    if (folder_.type != fs::Stat::Type::directory) return corrupted("Repo path is not a directory: " + repo_.path);
    auto const end = name.find("--");
    if (end == std::string::npos) return corrupted("Repo path is not a valid HuggingFace cache directory: " + repo_.path);
    auto const parsed = Layout::parse_repo_folder(name);
    if (!parsed)
      return corrupted("Repo type must be one of ['datasets', 'kernels', 'models', 'spaces'], found `" +
                       name.substr(0, end) + "` (" + repo_.path + ").");
    std::tie(repo_.type, repo_.id) = *parsed;
    return {};
  }

  Result<void> read_refs() {
    auto const folder = repo_.path + "/refs";
    auto const stat = files_.stat(folder);
    if (!stat) {
      if (is_absent(stat.error())) return {};
      return stat.error();
    }
    if (stat->type != fs::Stat::Type::directory) return corrupted("Refs directory cannot be a file: " + folder);
    std::vector<std::string> names;
    auto const walked = walk(files_, folder, "", names);
    if (!walked) return walked;
    for (auto const& name : names) {
      if (left_by_the_desktop(name.substr(name.find_last_of('/') + 1))) continue;
      auto const text = read_small_file(files_, folder + "/" + name, ref_size_max);
      if (!text) return text.error();
      if (*text) refs_[**text].insert(name);
    }
    return {};
  }

  Result<void> read_revisions() {
    auto const folder = repo_.path + "/snapshots";
    auto const top = files_.lstat(folder);
    if (top && top->type != fs::Stat::Type::directory)
      return corrupted("Snapshots dir is not a real folder in cached repo: " + folder);
    auto const commits = files_.list(folder);
    if (!commits) {
      if (!is_absent(commits.error())) return commits.error();
      if (!files_.stat(repo_.path)) return commits.error();  // the whole repo went away meanwhile
      return corrupted("Snapshots dir doesn't exist in cached repo: " + folder);
    }
    for (auto const& commit : *commits) {
      if (left_by_the_desktop(commit)) continue;
      auto const added = read_revision(folder, commit);
      if (!added) return added;
    }
    return {};
  }

  Result<void> read_revision(std::string const& folder, std::string const& commit) {
    ScannedRevision revision;
    revision.commit = commit;
    revision.snapshot = folder + "/" + commit;
    auto const stat = files_.lstat(revision.snapshot);
    if (!stat) {
      if (is_absent(stat.error())) return {};
      return stat.error();
    }
    if (stat->type == fs::Stat::Type::symlink)
      return corrupted("Snapshots folder corrupted. Found a link: " + revision.snapshot);
    if (stat->type != fs::Stat::Type::directory)
      return corrupted("Snapshots folder corrupted. Found a file: " + revision.snapshot);
    std::vector<std::string> paths;
    auto const walked = walk(files_, revision.snapshot, "", paths);
    if (!walked) return walked;
    std::set<std::string> unique;
    std::int64_t modified_ns = paths.empty() ? stat->mtime_ns : 0;
    for (auto const& path : paths) {
      auto file = read_file(revision.snapshot, path);
      if (!file) return file.error();
      if (!*file) continue;
      if (unique.insert((*file)->blob).second) revision.size += (*file)->stat.size;
      modified_ns = std::max(modified_ns, (*file)->stat.mtime_ns);
      revision.files.push_back(std::move(**file));
    }
    std::sort(revision.files.begin(), revision.files.end(), [](auto const& a, auto const& b) { return a.path < b.path; });
    revision.modified = wall_time(revision.files.empty() ? stat->mtime_ns : modified_ns);
    auto const refs = refs_.find(commit);
    if (refs != refs_.end()) {
      revision.refs.assign(refs->second.begin(), refs->second.end());
      refs_.erase(refs);
    }
    repo_.revisions.push_back(std::move(revision));
    return {};
  }

  /// Nothing for what is no file (a link to a folder), or vanished.
  Result<std::optional<ScannedFile>> read_file(std::string const& snapshot, std::string const& path) {
    auto const nothing = std::optional<ScannedFile>();
    ScannedFile file;
    file.path = path;
    file.pointer = snapshot + "/" + path;
    file.blob = file.pointer;
    auto const text = files_.read_symlink(file.pointer);
    if (text) file.blob = first_hop(file.pointer, *text);
    auto const known = blobs_.find(file.blob);
    if (known != blobs_.end()) {
      file.stat = known->second.stat;
      file.shared_payload = known->second.shared_payload;
      return std::optional(std::move(file));
    }
    auto const stat = files_.stat(file.pointer);
    if (!stat) {
      if (!is_absent(stat.error())) return stat.error();
      if (!files_.lstat(file.pointer)) return nothing;  // removed meanwhile
      return corrupted("Blob missing (broken symlink): " + file.blob);
    }
    if (stat->type == fs::Stat::Type::directory) return nothing;
    file.stat = *stat;
    if (text && store_marked_) file.shared_payload = store_.payload_behind(file.blob).value_or("");
    blobs_.emplace(file.blob, file);
    return std::optional(std::move(file));
  }

  ScannedRepo finish() {
    std::int64_t accessed_ns = blobs_.empty() ? folder_.atime_ns : 0;
    std::int64_t modified_ns = blobs_.empty() ? folder_.mtime_ns : 0;
    for (auto const& [path, blob] : blobs_) {
      repo_.size += blob.stat.size;
      accessed_ns = std::max(accessed_ns, blob.stat.atime_ns);
      modified_ns = std::max(modified_ns, blob.stat.mtime_ns);
    }
    repo_.blobs = blobs_.size();
    repo_.accessed = wall_time(accessed_ns);
    repo_.modified = wall_time(modified_ns);
    return std::move(repo_);
  }

  /// As Python prints a dict of sets.
  std::string refs_text() const {
    std::string text = "{";
    for (auto const& [commit, names] : refs_) {
      if (text.size() > 1) text += ", ";
      text += "'" + commit + "': {";
      bool first = true;
      for (auto const& name : names) {
        text += (first ? "'" : ", '") + name + "'";
        first = false;
      }
      text += "}";
    }
    return text + "}";
  }

  fs::FileSystem& files_;
  SharedStore const& store_;
  bool store_marked_;
  ScannedRepo repo_;
  fs::Stat folder_;
  RefsByCommit refs_;                         // those whose snapshot was not met yet
  std::map<std::string, ScannedFile> blobs_;  // by blob path; the first file that leads there
};

void find_incomplete(fs::FileSystem& files, std::string const& folder, std::vector<IncompleteFile>& found) {
  auto const top = files.lstat(folder);
  if (!top || top->type != fs::Stat::Type::directory) return;
  auto const names = files.list(folder);
  if (!names) return;
  for (auto const& name : *names) {
    if (!name.ends_with(".incomplete")) continue;
    auto const stat = files.stat(folder + "/" + name);
    if (stat) found.push_back({folder + "/" + name, stat->size});
  }
}

}  // namespace

Result<Scan> scan(fs::FileSystem& files, std::string const& root) {
  auto const top = files.stat(root);
  if (!top) return top.error();
  if (top->type != fs::Stat::Type::directory)
    return fail(ErrorKind::bad_request, "cache " + root + " is a file, not a folder");
  auto const names = files.list(root);
  if (!names) return names.error();

  Scan result;
  result.root = root;
  SharedStore const store(files, root);
  bool const store_marked = store.marked();
  std::set<Inode> counted;
  auto const count = [&](fs::Stat const& stat) {
    if (counted.insert(inode_of(stat)).second) result.size += stat.size;
  };
  for (auto const& name : *names) {
    if (left_by_the_desktop(name) || name == ".locks" || name == "CACHEDIR.TAG") continue;
    if (name == "blobs" && store_marked) continue;
    find_incomplete(files, root + "/" + name + "/blobs", result.incomplete);
    auto repo = RepoScan(files, store, store_marked).run(root, name);
    if (!repo) {
      if (!is_absent(repo.error())) result.warnings.push_back(repo.error().what);
      continue;
    }
    for (auto const& revision : repo->revisions)
      for (auto const& file : revision.files) count(file.stat);
    result.repos.push_back(std::move(*repo));
  }
  std::sort(result.repos.begin(), result.repos.end(), [](ScannedRepo const& a, ScannedRepo const& b) {
    return std::pair(name_of(a.type), std::string_view(a.id)) < std::pair(name_of(b.type), std::string_view(b.id));
  });

  auto const payloads = store.payloads();
  if (!payloads) return payloads.error();
  for (auto const& hash : *payloads) {
    auto const stat = files.lstat(store.payload(hash));
    if (!stat) continue;
    count(*stat);
    auto const users = store.references(hash);
    if (users && *users && (*users)->empty()) result.unused_payloads.push_back({hash, stat->size});
  }
  return result;
}

}  // namespace hubd::cache
