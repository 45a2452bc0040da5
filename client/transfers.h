// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "caller.h"
#include "downloads.h"
#include "error.h"

namespace hubd::client {

/// hubd's durable unit of work: files of one commit, for one or more callers.
struct Transfer {
  std::string id;
  Repo repo;
  std::string commit;
  std::string state;  ///< queued, running, waiting, paused, parked, done, failed, cancelled
  std::string waiting_for;
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_fetched = 0;
  std::uint64_t files_total = 0;
  std::uint64_t files_done = 0;
  double rate = 0;
  double eta_seconds = -1;
  std::uint32_t leases = 0;  ///< clients waiting now
  bool detached = false;
  std::int64_t created_unix_ms = 0;
  Priority priority = Priority::normal;
  std::string path;             ///< the folder of its files, as hubd sees it
  double deadline_seconds = 0;  ///< left until the deadline of who attached; 0: none
  std::optional<Error> error;  ///< when failed or parked
};

/// One event of watch() or attach(), on the thread that called it.
using WatchListener = std::function<void(Transfer const&, std::vector<FileProgress> const&)>;

}  // namespace hubd::client
