// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace hubd::fs {

/// What lstat or fstat tells, as far as hubd decides by it.
struct Stat {
  enum class Type : std::uint8_t { regular, directory, symlink, other };
  Type type = Type::other;
  Bytes size = 0;
  Bytes allocated = 0;  ///< st_blocks * 512
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  mode_t mode = 0;  ///< permission bits only
  uid_t uid = 0;
  gid_t gid = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t atime_ns = 0;
};

/// An open file. Closes itself. Positional, so that many threads may read and write one File at once.
class File {
 public:
  virtual ~File() = default;
  /// Reads until `out` is full or the file ends; returns the count. Fails: io.
  virtual Result<Bytes> read_at(Bytes offset, std::span<std::byte> out) const = 0;
  /// Writes all of `data`. Fails: disk_full, io.
  virtual Result<void> write_at(Bytes offset, std::span<std::byte const> data) = 0;
  /// Allocates [0, size) so that later writes cannot fail for lack of space, keeping the file's size (where the file
  /// system can; else does nothing). Fails: disk_full, io.
  virtual Result<void> reserve(Bytes size) = 0;
  virtual Result<void> truncate(Bytes size) = 0;
  /// Asks the kernel to begin writing [offset, offset+length) to disk, so that sync() finds little left. A hint.
  virtual void begin_writeback(Bytes offset, Bytes length) {
    (void)offset;
    (void)length;
  }
  /// fdatasync. Fails: io.
  virtual Result<void> sync() = 0;
  [[nodiscard]] virtual Result<Stat> stat() const = 0;
  virtual Result<void> set_mode(mode_t mode) = 0;
  /// Fails: permission_denied (a group that this process is not in), io.
  virtual Result<void> set_group(gid_t group) = 0;
  /// The kernel's descriptor, for passing to other processes; -1 in fakes.
  [[nodiscard]] virtual int descriptor() const = 0;
};

/// An flock(2) held on a path; released when destroyed, the file stays. Knows whether the path still names what it
/// locked, since foreign tools unlink lock files.
class Lock {
 public:
  virtual ~Lock() = default;
  /// False when somebody unlinked or replaced the path: the lock no longer protects anything. Fails: io.
  [[nodiscard]] virtual Result<bool> still_valid() const = 0;
};

enum class OpenMode : std::uint8_t {
  read,              ///< O_RDONLY
  read_write,        ///< O_RDWR, must exist
  create,            ///< O_RDWR|O_CREAT, keeps content
  create_exclusive,  ///< O_RDWR|O_CREAT|O_EXCL
};

/// Every access of hubd to files, as a seam. Paths are absolute. Blocking: call from the disk pool. Thread-safe.
/// Errors: ENOENT is local_entry_not_found, ENOSPC and EDQUOT disk_full, EACCES and EPERM permission_denied, the rest io;
/// `what` names operation, path and errno text.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// `mode` is subject to the umask when a file is created. Never follows a symlink at the last component when `nofollow`.
  virtual Result<std::unique_ptr<File>> open(std::string const& path, OpenMode mode, mode_t permissions = 0666,
                                             bool nofollow = false) = 0;
  /// lstat: does not follow the last symlink.
  virtual Result<Stat> lstat(std::string const& path) = 0;
  /// stat: follows symlinks; a dangling one is local_entry_not_found.
  virtual Result<Stat> stat(std::string const& path) = 0;
  /// Names in a directory, without "." and "..", sorted. Fails: local_entry_not_found, io.
  virtual Result<std::vector<std::string>> list(std::string const& directory) = 0;
  /// mkdir -p; `mode` subject to the umask. Existing is fine.
  virtual Result<void> make_directories(std::string const& path, mode_t mode = 0777) = 0;
  virtual Result<void> rename(std::string const& from, std::string const& to) = 0;
  virtual Result<void> link(std::string const& target, std::string const& path) = 0;
  virtual Result<void> symlink(std::string const& target, std::string const& path) = 0;
  virtual Result<std::string> read_symlink(std::string const& path) = 0;
  /// Unlinks a file or symlink; absent is fine.
  virtual Result<void> remove(std::string const& path) = 0;
  /// Removes an empty directory; absent or non-empty is fine.
  virtual Result<void> remove_directory(std::string const& path) = 0;
  /// rm -rf without following links; absent is fine.
  virtual Result<void> remove_tree(std::string const& path) = 0;
  /// fsync of a directory, which makes renames in it durable.
  virtual Result<void> sync_directory(std::string const& path) = 0;
  /// FICLONE, else copy_file_range, else read and write; `to` is created exclusively with default mode. Fails also:
  /// cancelled, soon after interrupt().
  virtual Result<void> copy(std::string const& from, std::string const& to) = 0;
  /// Bytes an unprivileged writer may still use below `path`.
  virtual Result<Bytes> free_space(std::string const& path) = 0;
  /// access(2) with W_OK for this process.
  virtual Result<bool> writable(std::string const& path) = 0;
  /// Takes flock(LOCK_EX|LOCK_NB) on `path` by huggingface_hub's protocol (O_NOFOLLOW, created with `mode` forced by
  /// fchmod, inode re-checked after locking). Null when another descriptor holds it. Fails: not_supported where two
  /// descriptors of one file can both lock, or none can; io.
  virtual Result<std::unique_ptr<Lock>> try_lock(std::string const& path, mode_t mode = 0664) = 0;

  /// The owner wants to stop: what takes long (a copy, reading a partial back) ends with `cancelled` until resume().
  void interrupt() { interrupted_ = true; }
  void resume() { interrupted_ = false; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  std::atomic<bool> interrupted_{false};
};

/// The kernel's file system.
std::unique_ptr<FileSystem> system_files();

/// Reads a whole small file. Fails: local_entry_not_found, io, exhausted when larger than `size_max`.
Result<std::string> read_file(FileSystem& files, std::string const& path, Bytes size_max = 64_MiB);
/// Writes `text` beside `path` under `temporary` (a path in the same directory that nobody else uses; one left by a crash
/// is replaced), then renames it over `path`.
/// `durable` syncs file and directory. The temporary never stays behind.
Result<void> write_file_atomic(FileSystem& files, std::string const& path, std::string const& temporary,
                               std::string_view text, mode_t permissions, bool durable);

}  // namespace hubd::fs
