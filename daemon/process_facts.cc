// SPDX-License-Identifier: Apache-2.0
#include "daemon/process_facts.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace hubd::daemon {

Bytes resident_bytes() {
  std::ifstream in("/proc/self/statm");
  Bytes total = 0;
  Bytes resident = 0;
  in >> total >> resident;
  return resident * static_cast<Bytes>(sysconf(_SC_PAGESIZE));
}

std::uint64_t open_files() {
  auto* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  std::uint64_t count = 0;
  while (auto const* const entry = readdir(folder))
    if (entry->d_name[0] != '.') ++count;
  closedir(folder);
  return count > 0 ? count - 1 : 0;  // without the one that looked
}

std::uint64_t open_files_max() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

}  // namespace hubd::daemon
