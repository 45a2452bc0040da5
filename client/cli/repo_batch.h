// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "client/cli/repo_file.h"
#include "client/cli/session.h"

namespace hubd::cli {

/// What holds for each line of a file of repos.
struct BatchOptions {
  std::string file;
  std::string cache_dir;
  std::string token;
  bool force = false;
  int workers = 0;
  bool progress = false;
  client::Priority priority = client::Priority::normal;
  std::chrono::milliseconds deadline{0};  ///< of each line's call; 0: none
};

/// download --from: every line is read before anything moves; then a few repos at a time. A line that fails is told
/// with its number and stops no other one.
ExitCode download_batch(Session& session, BatchOptions const& options);
/// plan --from: what that would do, repo by repo, and together.
ExitCode plan_batch(Session& session, BatchOptions const& options);

}  // namespace hubd::cli
