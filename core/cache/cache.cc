// SPDX-License-Identifier: Apache-2.0
#include "core/cache/cache.h"

#include <utility>

#include "core/cache/small_file.h"

namespace hubd::cache {
namespace {

constexpr int attempts_max = 4;  // others may delete the folder that was just made, but not for ever

}  // namespace

Cache::Cache(fs::FileSystem& files, Random& random, Options options, std::function<Result<void>()> may_publish)
    : files_(files),
      random_(random),
      options_(std::move(options)),
      layout_(options_.root),
      store_(files, options_.root),
      may_publish_(std::move(may_publish)) {}

std::string Cache::scratch(RepoRef const& repo) {
  return layout_.root() + "/.locks/" + Layout::repo_folder(repo.type, repo.id) + "/" + random_.hex(16) + ".tmp";
}

Result<void> Cache::make_repo(RepoRef const& repo) {
  auto const folder = layout_.repo(repo);
  if (!files_.lstat(folder)) {
    auto const aside = scratch(repo);
    auto const made = files_.make_directories(aside + "/snapshots");
    auto const renamed = made ? files_.rename(aside, folder) : made;
    if (renamed) return {};
    (void)files_.remove_tree(aside);
    if (!files_.lstat(folder)) return renamed;  // else somebody else made it at the same moment
  }
  return files_.make_directories(folder + "/snapshots");
}

Result<void> Cache::make_folders(RepoRef const& repo, std::string const& folder) {
  auto const locks = files_.make_directories(layout_.root() + "/.locks/" + Layout::repo_folder(repo.type, repo.id));
  if (!locks) return locks;
  auto const made = make_repo(repo);
  if (!made) return made;
  return files_.make_directories(folder);
}

Result<mode_t> Cache::file_mode(RepoRef const& repo) {
  auto const known = file_mode_.load();
  if (known >= 0) return static_cast<mode_t>(known);
  mode_t measured = 0;
  auto const done = with_folders(repo, layout_.blobs(repo), [&]() -> Result<void> {
    auto const mode = measure_file_mode(files_, scratch(repo));
    if (!mode) return mode.error();
    measured = *mode;
    return {};
  });
  if (!done) return done.error();
  file_mode_.store(static_cast<int>(measured));
  return measured;
}

Result<void> Cache::with_folders(RepoRef const& repo, std::string const& folder,
                                 std::function<Result<void>()> const& step) {
  auto done = step();
  for (int attempt = 1; attempt < attempts_max && !done && is_absent(done.error()); ++attempt) {
    auto const made = make_folders(repo, folder);
    if (made) {
      done = step();
    } else if (!is_absent(made.error())) {
      return made;
    }
  }
  return done;
}

}  // namespace hubd::cache
