// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/fs/file_system.h"

namespace hubd::support {

/// Hands every call on to another file system; a test overrides the one that it wants to behave badly.
class ForwardingFileSystem : public fs::FileSystem {
 public:
  explicit ForwardingFileSystem(fs::FileSystem& inner) : inner_(inner) {}

  Result<std::unique_ptr<fs::File>> open(std::string const& path, fs::OpenMode mode, mode_t permissions,
                                         bool nofollow) override {
    return inner_.open(path, mode, permissions, nofollow);
  }
  Result<fs::Stat> lstat(std::string const& path) override { return inner_.lstat(path); }
  Result<fs::Stat> stat(std::string const& path) override { return inner_.stat(path); }
  Result<std::vector<std::string>> list(std::string const& directory) override { return inner_.list(directory); }
  Result<void> make_directories(std::string const& path, mode_t mode) override {
    return inner_.make_directories(path, mode);
  }
  Result<void> rename(std::string const& from, std::string const& to) override { return inner_.rename(from, to); }
  Result<void> link(std::string const& target, std::string const& path) override { return inner_.link(target, path); }
  Result<void> symlink(std::string const& target, std::string const& path) override {
    return inner_.symlink(target, path);
  }
  Result<std::string> read_symlink(std::string const& path) override { return inner_.read_symlink(path); }
  Result<void> remove(std::string const& path) override { return inner_.remove(path); }
  Result<void> remove_directory(std::string const& path) override { return inner_.remove_directory(path); }
  Result<void> remove_tree(std::string const& path) override { return inner_.remove_tree(path); }
  Result<void> sync_directory(std::string const& path) override { return inner_.sync_directory(path); }
  Result<void> copy(std::string const& from, std::string const& to) override { return inner_.copy(from, to); }
  Result<Bytes> free_space(std::string const& path) override { return inner_.free_space(path); }
  Result<bool> writable(std::string const& path) override { return inner_.writable(path); }
  Result<std::unique_ptr<fs::Lock>> try_lock(std::string const& path, mode_t mode) override {
    return inner_.try_lock(path, mode);
  }

 private:
  fs::FileSystem& inner_;
};

}  // namespace hubd::support
