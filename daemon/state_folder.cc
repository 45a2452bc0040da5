// SPDX-License-Identifier: Apache-2.0
#include "daemon/state_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "daemon/paths.h"

namespace hubd::daemon {
namespace {

bool same(std::string const& a, std::string const& b) {
  std::filesystem::path const left = std::filesystem::path(a).lexically_normal() / "";
  std::filesystem::path const right = std::filesystem::path(b).lexically_normal() / "";
  return left == right;
}

/// Makes the folder private and this user's own.
Result<void> prepare(fs::FileSystem& files, std::string const& folder) {
  auto const made = files.make_directories(folder, 0700);
  if (!made) return made;
  auto const found = files.lstat(folder);
  if (!found) return found.error();
  if (found->type == fs::Stat::Type::symlink)  // its mode is about to be changed, and it may be anybody's
    return fail(ErrorKind::bad_request, "state folder " + folder + " is a link; name the folder itself as state.folder");
  if (found->type != fs::Stat::Type::directory)
    return fail(ErrorKind::bad_request, "state folder " + folder + " is not a folder");
  if (found->uid != geteuid())
    return fail(ErrorKind::permission_denied,
                "state folder " + folder + " belongs to user " + std::to_string(found->uid) + ", not to the one hubd runs as");
  if (found->mode != 0700 && chmod(folder.c_str(), 0700) != 0) {
    std::error_code const cause(errno, std::generic_category());
    return fail(ErrorKind::permission_denied, "change the mode of state folder " + folder + ": " + cause.message(), cause);
  }
  return {};
}

/// Moves a real file from `folder` into the cache, as publishing does.
Result<void> try_rename(fs::FileSystem& files, Random& random, std::string const& folder, std::string const& cache_root) {
  auto const name = "/.hubd-probe-" + random.hex(8);
  auto const source = folder + name;
  auto const target = cache_root + "/.locks" + name;
  {
    auto const file = files.open(source, fs::OpenMode::create_exclusive, 0600);
    if (!file) return file.error();
  }
  auto const renamed = files.rename(source, target);
  auto const removed = files.remove(renamed ? target : source);
  if (!renamed) return renamed;
  return removed;
}

Result<void> usable(fs::FileSystem& files, Random& random, std::string const& folder, std::string const& cache_root) {
  auto const prepared = prepare(files, folder);
  if (!prepared) return prepared;
  return try_rename(files, random, folder, cache_root);
}

}  // namespace

Result<std::string> choose_state_folder(fs::FileSystem& files, Random& random, Environment const& environment,
                                        std::string const& configured, std::string const& cache_root) {
  if (!configured.empty()) {
    auto const tried = usable(files, random, configured, cache_root);
    if (!tried && tried.error().cause == std::errc::cross_device_link)
      return fail(ErrorKind::bad_request, "state.folder " + configured + " is on another file system than the cache " +
                                              cache_root + "; name one beside the cache, or none");
    if (!tried) return tried.error();
    return configured;
  }
  std::vector<std::string> candidates;
  auto const home = hf_home(environment);
  if (same(home + "/hub", cache_root)) candidates.push_back(home + "/hubd");
  candidates.push_back(cache_root + "-hubd");
  candidates.push_back(cache_root + "/.locks/.hubd");
  Result<void> tried;
  for (auto const& folder : candidates) {
    bool const was_there = static_cast<bool>(files.lstat(folder));
    tried = usable(files, random, folder, cache_root);
    if (tried) return folder;
    if (!was_there) (void)files.remove_directory(folder);  // of no use there
  }
  return fail(tried.error().kind, "no folder for hubd's own state can be used with cache " + cache_root + " (" +
                                      tried.error().what + "); name one as state.folder",
              tried.error().cause);
}

}  // namespace hubd::daemon
