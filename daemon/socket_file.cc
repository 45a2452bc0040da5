// SPDX-License-Identifier: Apache-2.0
#include "daemon/socket_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace hubd::daemon {
namespace {

constexpr mode_t search_by_others = 0011;  // to reach what they know by name; neither to list nor to write

}  // namespace

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat found {};
  if (lstat(path_.c_str(), &found) == 0) inode_ = found.st_ino;
}

SocketFile::~SocketFile() {
  if (is_ours()) ::unlink(path_.c_str());
}

void SocketFile::admit(bool guests) const {
  if (!is_ours()) return;
  if (guests) {
    auto const folder = std::filesystem::path(path_).parent_path();
    struct stat found {};
    if (lstat(folder.c_str(), &found) == 0 && (found.st_mode & search_by_others) != search_by_others)
      (void)::chmod(folder.c_str(), (found.st_mode & 07777U) | search_by_others);
  }
  (void)::chmod(path_.c_str(), guests ? mode_guests : mode_own);
}

bool SocketFile::is_ours() const {
  struct stat found {};
  return inode_ != 0 && lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_;
}

}  // namespace hubd::daemon
