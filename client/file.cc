// SPDX-License-Identifier: Apache-2.0
#include "client/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hubd::client {

File::File(std::string path, int descriptor, std::uint64_t size) noexcept
    : path_(std::move(path)), descriptor_(descriptor), size_(size) {}

Result<File> File::open(std::string path) {
  int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0 && errno == EACCES)
    return make_error(ErrorKind::permission_denied, "this user may not read " + path + ", which hubd has");
  if (descriptor < 0 && errno == ENOENT)
    return make_error(ErrorKind::not_mounted,
                      "hubd has " + path +
                          ", but this process does not see it; mount hubd's cache, and say where "
                          "in the mount map (HUBD_MOUNT_MAP)");
  if (descriptor < 0) return make_error(ErrorKind::io, "open " + path + ": " + std::strerror(errno));
  struct stat found{};
  File file(std::move(path), descriptor, 0);
  if (::fstat(descriptor, &found) != 0)
    return make_error(ErrorKind::io, "open " + file.path_ + ": " + std::strerror(errno));
  if (!S_ISREG(found.st_mode)) return make_error(ErrorKind::io, "open " + file.path_ + ": it is not a regular file");
  file.size_ = static_cast<std::uint64_t>(found.st_size);
  return file;
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int File::release() noexcept {
  return std::exchange(descriptor_, -1);
}

Result<std::size_t> File::read_at(std::span<std::byte> out, std::uint64_t offset) const {
  std::size_t filled = 0;
  while (filled < out.size()) {
    auto const got =
        ::pread(descriptor_, out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return make_error(ErrorKind::io, "read " + path_ + ": " + std::strerror(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

}  // namespace hubd::client
