// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "core/base/random.h"
#include "core/base/result.h"
#include "core/fs/file_system.h"
#include "daemon/config.h"

namespace hubd::daemon {

/// Chooses and makes the folder for partials and journals, mode 0700, this user's own. Partials are published by one
/// rename, so it must stand on the cache's file system; that is tried with a real file, since two folders may look
/// alike and still refuse a rename.
///
/// The configured folder, else `$HF_HOME/hubd` when the cache is `$HF_HOME/hub` (any other cache has a hubd of its own,
/// and two must not share a state), else `<cache>-hubd` beside the cache, else `<cache>/.locks/.hubd`.
///
/// Blocking; the cache's `.locks` exists. Fails: bad_request (the configured one is on another file system),
/// permission_denied, disk_full, io.
Result<std::string> choose_state_folder(fs::FileSystem& files, Random& random, Environment const& environment,
                                        std::string const& configured, std::string const& cache_root);

}  // namespace hubd::daemon
