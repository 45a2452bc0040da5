// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "core/fs/file_system.h"

namespace hubd::support {

/// While one of these lives, every SQLite file that is opened stands in `files`: what happens to that disk (failing
/// operations, lost power, a full disk) happens to databases too, and each write, sync and removal of SQLite is one of its
/// operations. The index that SQLite shares between connections is in memory and ends with the last of them.
///
/// One at a time in a process, and one process per file. Databases are closed before it dies.
class SimSqlite {
 public:
  explicit SimSqlite(fs::FileSystem& files);
  ~SimSqlite();
  SimSqlite(SimSqlite const&) = delete;
  SimSqlite& operator=(SimSqlite const&) = delete;

  struct Vfs;

 private:
  std::unique_ptr<Vfs> vfs_;
};

}  // namespace hubd::support
