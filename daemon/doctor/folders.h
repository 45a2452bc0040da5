// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/base/repo.h"
#include "core/fs/file_system.h"
#include "daemon/doctor/finding.h"

namespace hubd::daemon {

/// The checks of the disk: room, rights, whether a partial can be published by a rename, whether locks are kept. Tries each
/// with a small file of its own, `tag` in its name, and removes it. Blocking.
Findings check_folders(fs::FileSystem& files, std::string const& tag, std::string const& cache_root, std::string const& state_folder, Bytes floor);

/// What the checks of the routes ask for.
struct Sample {
  std::optional<RepoRef> repo;     ///< the wanted one, else a cached one; without an endpoint
  std::vector<std::string> paths;  ///< that it may have
};
/// Blocking.
Sample sample_of(fs::FileSystem& files, std::string const& cache_root, std::optional<RepoRef> const& wanted);

}  // namespace hubd::daemon
