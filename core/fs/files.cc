// SPDX-License-Identifier: Apache-2.0
#include "core/fs/file_system.h"

#include <algorithm>

namespace hubd::fs {

Result<std::string> read_file(FileSystem& files, std::string const& path, Bytes size_max) {
  auto const file = files.open(path, OpenMode::read);
  if (!file) return file.error();
  auto const stat = (*file)->stat();
  if (!stat) return stat.error();
  if (stat->size > size_max)
    return fail(ErrorKind::exhausted, "read " + path + ": " + std::to_string(stat->size) + " bytes are more than the " +
                                          std::to_string(size_max) + " expected");
  // Some files of the kernel say that their size is 0, and others grow while they are read: the end is where it is.
  constexpr std::size_t kBlock = 64 * 1024;
  std::string text;
  while (true) {
    auto const before = text.size();
    text.resize(before + (before == 0 ? static_cast<std::size_t>(stat->size) + 1 : kBlock));
    auto const block = std::span(text).subspan(before);
    auto const count = (*file)->read_at(before, std::as_writable_bytes(block));
    if (!count) return count.error();
    text.resize(before + static_cast<std::size_t>(*count));
    if (text.size() > size_max) return fail(ErrorKind::exhausted, "read " + path + ": it grew past the " + std::to_string(size_max) + " bytes expected");
    if (*count < block.size()) return text;
  }
}

Result<void> write_file_atomic(FileSystem& files, std::string const& path, std::string const& temporary,
                               std::string_view text, mode_t permissions, bool durable) {
  auto file = files.open(temporary, OpenMode::create_exclusive, permissions);
  if (!file && file.error().cause == std::errc::file_exists) {
    // Left behind by a crash: the caller's name is its own, so nobody else is writing there.
    auto const removed = files.remove(temporary);
    if (!removed) return removed;
    file = files.open(temporary, OpenMode::create_exclusive, permissions);
  }
  if (!file) return file.error();
  auto done = (*file)->write_at(0, as_bytes(text));
  if (done && durable) done = (*file)->sync();
  if (done) done = files.rename(temporary, path);
  if (!done) {
    (void)files.remove(temporary);
    return done;
  }
  if (!durable) return {};
  return files.sync_directory(path.substr(0, std::max<std::size_t>(path.find_last_of('/'), 1)));
}

}  // namespace hubd::fs
