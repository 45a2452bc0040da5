// SPDX-License-Identifier: Apache-2.0
#include "daemon/doctor/folders.h"

#include <algorithm>

#include "core/cache/layout.h"
#include "daemon/doctor/judge.h"

namespace hubd::daemon {
namespace {

constexpr std::size_t paths_max = 40;

Finding check_writing(fs::FileSystem& files, std::string const& tag, std::string const& root) {
  auto const stat = files.stat(root);
  if (!stat) return broken("permissions", describe(stat.error()), "make the folder, or name another as cache.root");
  auto const path = root + "/.locks/.hubd-doctor-" + tag;
  auto const made = files.open(path, fs::OpenMode::create_exclusive, 0600);
  (void)files.remove(path);
  if (!made) return broken("permissions", describe(made.error()), "give the folder to the user that hubd runs as, or choose another cache.root");
  return fine("permissions", "cache " + root + " can be written");
}

Finding check_rename(fs::FileSystem& files, std::string const& tag, std::string const& root, std::string const& state) {
  auto const source = state + "/.hubd-doctor-" + tag;
  auto const target = root + "/.locks/.hubd-doctor-r-" + tag;
  Result<void> tried;
  {
    auto const made = files.open(source, fs::OpenMode::create_exclusive, 0600);
    if (!made) tried = made.error();
  }
  if (tried) tried = files.rename(source, target);
  (void)files.remove(source);
  (void)files.remove(target);
  if (tried) return fine("state", "a file of " + state + " becomes one of the cache by a rename");
  return broken("state", describe(tried.error()),
                tried.error().cause == std::errc::cross_device_link ? "name a state.folder on the file system of the cache"
                                                                    : "give the folder to the user that hubd runs as, or name another state.folder");
}

Finding check_locks(fs::FileSystem& files, std::string const& tag, std::string const& root) {
  auto const path = root + "/.locks/.hubd-doctor-l-" + tag;
  auto const first = files.try_lock(path, 0600);
  bool kept = false;
  std::string why = first ? "nobody gets a lock" : describe(first.error());
  if (first && *first) {
    auto const second = files.try_lock(path, 0600);
    kept = second && !*second;
    why = second ? "two holders got one lock" : describe(second.error());
  }
  (void)files.remove(path);
  if (kept) return fine("locks", "the cache's file system keeps locks");
  return broken("locks", "the file system of " + root + " does not keep locks (" + why + ")", "choose a cache on a local disk");
}

}  // namespace

Findings check_folders(fs::FileSystem& files, std::string const& tag, std::string const& cache_root, std::string const& state_folder, Bytes floor) {
  Findings findings;
  auto const free = files.free_space(cache_root);
  if (free)
    findings.push_back(judge_space(cache_root, *free, floor));
  else
    findings.push_back(broken("disk", describe(free.error()), "look at the disk and its mount"));
  findings.push_back(check_writing(files, tag, cache_root));
  findings.push_back(check_rename(files, tag, cache_root, state_folder));
  findings.push_back(check_locks(files, tag, cache_root));
  return findings;
}

Sample sample_of(fs::FileSystem& files, std::string const& cache_root, std::optional<RepoRef> const& wanted) {
  Sample sample;
  sample.repo = wanted;
  sample.paths = {"config.json", "README.md", ".gitattributes", "model.safetensors", "pytorch_model.bin"};
  auto const folders = files.list(cache_root);
  if (!folders) return sample;
  for (auto const& name : *folders) {
    auto const repo = cache::Layout::parse_repo_folder(name);
    if (!repo) continue;
    if (wanted && (repo->first != wanted->type || repo->second != wanted->id)) continue;
    auto const commit = fs::read_file(files, cache_root + "/" + name + "/refs/main", 4096);
    if (!commit) continue;
    sample.repo = RepoRef{"", repo->first, repo->second};
    auto const known = files.list(cache_root + "/" + name + "/snapshots/" + *commit);
    if (known)
      for (auto const& path : *known)
        if (sample.paths.size() < paths_max && std::find(sample.paths.begin(), sample.paths.end(), path) == sample.paths.end()) sample.paths.push_back(path);
    break;
  }
  return sample;
}

}  // namespace hubd::daemon
