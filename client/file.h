// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "result.h"

#pragma GCC visibility push(default)
namespace hubd::client {

/// A file of the cache, open for reading (O_RDONLY, O_CLOEXEC); closed with this object.
///
/// The bytes stay what they are while it is open, also when the file is removed from the cache or a new revision comes.
/// read_at() may be called from many threads at once; moving and release() need one owner.
class File {
 public:
  /// `path`: a FileLocation's absolute_path. Fails: not_mounted (there is no such file), permission_denied, io.
  static Result<File> open(std::string path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// Where it was opened, as this process sees it.
  [[nodiscard]] std::string const& path() const noexcept { return path_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// For mmap(), pread(), io_uring ...; stays ours. -1 after release().
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// The descriptor is the caller's from now on.
  int release() noexcept;

  /// Fills `out` from `offset` on, and stops early only at the end of the file; returns the bytes read. Fails: io.
  [[nodiscard]] Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) const;

 private:
  File(std::string path, int descriptor, std::uint64_t size) noexcept;

  std::string path_;
  int descriptor_;
  std::uint64_t size_;
};

}  // namespace hubd::client
#pragma GCC visibility pop
