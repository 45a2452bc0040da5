// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>

#include "core/base/random.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// The one hubd of a cache root: an flock held on `<root>/.locks/.hubd-owner`. The file is readable by everybody and
/// tells clients the root's id, which stays the same across restarts, so that they find the root under their own mount.
///
/// Blocking; call from the disk pool. Thread-safe. `files` and `random` outlive it.
class Owner {
 public:
  /// What the owner file says; as `key=value` lines: root_id, pid, boot_id, socket.
  struct Facts {
    std::string root_id;  ///< 32 hex digits
    pid_t pid = 0;
    std::string boot_id;
    std::string socket;
  };

  /// Takes the root for the process `pid`, making the folder where needed.
  /// Fails: busy (naming pid and socket of the other hubd), not_supported (the file system's locks do not work), io,
  /// permission_denied.
  static Result<std::unique_ptr<Owner>> take(fs::FileSystem& files, Random& random, std::string root, pid_t pid,
                                             std::string socket);
  /// What the owner file says now, whether or not its hubd still lives. Fails: local_entry_not_found, io.
  static Result<Facts> read(fs::FileSystem& files, std::string const& root);

  /// Do we still own the root? To be asked before each publish: people remove `.locks`. Takes the lock again when the
  /// file is gone. Fails: busy (another hubd took it meanwhile), io; then nothing may be published.
  Result<void> check();

  [[nodiscard]] std::string const& root() const { return root_; }
  [[nodiscard]] std::string const& root_id() const { return facts_.root_id; }

 private:
  Owner(fs::FileSystem& files, std::string root) : files_(files), root_(std::move(root)) {}
  Result<void> lock_and_write(Random& random);

  fs::FileSystem& files_;
  std::string root_;
  Facts facts_;
  std::mutex mutex_;  // guards lock_
  std::unique_ptr<fs::Lock> lock_;
};

}  // namespace hubd::cache
