// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/principal.h"
#include "core/base/repo.h"
#include "core/db/database.h"
#include "core/sched/priority.h"

namespace hubd::engine {

/// What is wanted and by whom, so that it survives kill -9: transfers.db, few rows, each commit durable
/// (docs/disk-format.md). Tokens are never written.
///
/// Blocking: call from the disk pool. Thread-safe.
class Journal {
 public:
  struct Row {
    std::string id;
    Principal principal;
    RepoRef repo;
    std::string revision;
    std::string commit;
    std::vector<std::string> paths;  ///< the selected files
    std::string local_dir;           ///< empty: the cache
    bool detached = false;           ///< goes on without a caller, also after a restart
    WallTime created{};
    sched::Priority priority = sched::Priority::normal;
    std::string paused_by;  ///< empty: it goes on
  };
  /// Fails: io, disk_full, corrupt, not_supported (a newer hubd's journal; the sentence says so).
  static Result<std::unique_ptr<Journal>> open(std::string const& path);

  Result<void> put(Row const& row);
  Result<void> set_detached(std::string const& id);
  Result<void> set_priority(std::string const& id, sched::Priority priority);
  Result<void> remove(std::string const& id);
  Result<std::vector<Row>> all();

 private:
  explicit Journal(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  std::mutex mutex_;  // guards the database
  std::unique_ptr<db::Database> database_;
};

}  // namespace hubd::engine
