// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "core/fs/file_system.h"

namespace hubd::fs {
namespace {

ErrorKind kind_of(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR: return ErrorKind::local_entry_not_found;
    case ENOSPC:
    case EDQUOT: return ErrorKind::disk_full;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorKind::permission_denied;
    case EMFILE:
    case ENFILE: return ErrorKind::exhausted;
    default: return ErrorKind::io;
  }
}

Error failure(char const* operation, std::string const& path, int code = errno) {
  std::error_code const cause(code, std::generic_category());
  auto const kind = kind_of(code);
  auto what = std::string(operation) + " " + path + ": " + cause.message();
  if (kind == ErrorKind::exhausted) what += "; raise the limit of open files (LimitNOFILE=, ulimit -n), or lower network.connections_total";
  return fail(kind, std::move(what), cause);
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

std::int64_t nanoseconds(timespec const& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

Stat from(struct stat const& raw) {
  Stat stat;
  if (S_ISREG(raw.st_mode)) stat.type = Stat::Type::regular;
  if (S_ISDIR(raw.st_mode)) stat.type = Stat::Type::directory;
  if (S_ISLNK(raw.st_mode)) stat.type = Stat::Type::symlink;
  stat.size = static_cast<Bytes>(raw.st_size);
  stat.allocated = static_cast<Bytes>(raw.st_blocks) * 512;
  stat.device = raw.st_dev;
  stat.inode = raw.st_ino;
  stat.links = raw.st_nlink;
  stat.mode = raw.st_mode & 07777U;
  stat.uid = raw.st_uid;
  stat.gid = raw.st_gid;
  stat.mtime_ns = nanoseconds(raw.st_mtim);
  stat.atime_ns = nanoseconds(raw.st_atim);
  return stat;
}

class SystemFile final : public File {
 public:
  SystemFile(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<Bytes> read_at(Bytes offset, std::span<std::byte> out) const override {
    Bytes done = 0;
    while (done < out.size()) {
      auto const count = ::pread(descriptor_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("read", path_);
      if (count == 0) break;
      done += static_cast<Bytes>(count);
    }
    return done;
  }
  Result<void> write_at(Bytes offset, std::span<std::byte const> data) override {
    Bytes done = 0;
    while (done < data.size()) {
      auto const count =
          ::pwrite(descriptor_.get(), data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("write", path_);
      done += static_cast<Bytes>(count);
    }
    return {};
  }
  Result<void> reserve(Bytes size) override {
    if (size == 0) return {};
    int result = 0;
    do result = ::fallocate(descriptor_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size));
    while (result != 0 && errno == EINTR);
    if (result == 0) return {};
    if (errno == EOPNOTSUPP || errno == ENOSYS) return {};
    return failure("reserve space for", path_);
  }
  Result<void> truncate(Bytes size) override {
    if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) return failure("truncate", path_);
    return {};
  }
  void begin_writeback(Bytes offset, Bytes length) override {
    (void)::sync_file_range(descriptor_.get(), static_cast<off64_t>(offset), static_cast<off64_t>(length), SYNC_FILE_RANGE_WRITE);
  }
  Result<void> sync() override {
    if (::fdatasync(descriptor_.get()) != 0) return failure("sync", path_);
    return {};
  }
  Result<Stat> stat() const override {
    struct stat raw {};
    if (::fstat(descriptor_.get(), &raw) != 0) return failure("stat", path_);
    return from(raw);
  }
  Result<void> set_mode(mode_t mode) override {
    if (::fchmod(descriptor_.get(), mode) != 0) return failure("change the mode of", path_);
    return {};
  }
  Result<void> set_group(gid_t group) override {
    if (::fchown(descriptor_.get(), static_cast<uid_t>(-1), group) != 0) return failure("change the group of", path_);
    return {};
  }
  int descriptor() const override { return descriptor_.get(); }

 private:
  Descriptor descriptor_;
  std::string path_;
};

/// The holder of an flock; closing the descriptor releases it. The file stays, since others may wait on it.
class SystemLock final : public Lock {
 public:
  SystemLock(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  Result<bool> still_valid() const override {
    struct stat held {};
    if (::fstat(descriptor_.get(), &held) != 0) return failure("stat", path_);
    struct stat named {};
    if (::lstat(path_.c_str(), &named) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return false;
      return failure("stat", path_);
    }
    return held.st_nlink > 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
  }

 private:
  Descriptor descriptor_;
  std::string path_;
};

class SystemFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(std::string const& path, OpenMode mode, mode_t permissions, bool nofollow) override {
    int flags = O_CLOEXEC | O_NONBLOCK;  // a pipe that somebody put there must not hold a thread for ever
    switch (mode) {
      case OpenMode::read: flags |= O_RDONLY; break;
      case OpenMode::read_write: flags |= O_RDWR; break;
      case OpenMode::create: flags |= O_RDWR | O_CREAT; break;
      case OpenMode::create_exclusive: flags |= O_RDWR | O_CREAT | O_EXCL; break;
    }
    if (nofollow) flags |= O_NOFOLLOW;
    Descriptor descriptor(::open(path.c_str(), flags, permissions));
    if (descriptor.get() < 0) return failure("open", path);
    return std::unique_ptr<File>(std::make_unique<SystemFile>(std::move(descriptor), path));
  }
  Result<Stat> lstat(std::string const& path) override {
    struct stat raw {};
    if (::lstat(path.c_str(), &raw) != 0) return failure("stat", path);
    return from(raw);
  }
  Result<Stat> stat(std::string const& path) override {
    struct stat raw {};
    if (::stat(path.c_str(), &raw) != 0) return failure("stat", path);
    return from(raw);
  }
  Result<std::vector<std::string>> list(std::string const& directory) override {
    std::unique_ptr<DIR, int (*)(DIR*)> const stream(::opendir(directory.c_str()), &::closedir);
    if (!stream) return failure("list", directory);
    return names_in(stream.get(), directory);
  }
  Result<void> make_directories(std::string const& path, mode_t mode) override {
    if (::mkdir(path.c_str(), mode) == 0) return {};
    if (errno == ENOENT) {
      auto const slash = path.find_last_of('/');
      if (slash == std::string::npos || slash == 0) return failure("create directory", path);
      auto const parent = make_directories(path.substr(0, slash), mode);
      if (!parent) return parent.error();
      if (::mkdir(path.c_str(), mode) == 0) return {};
    }
    if (errno == EEXIST) {
      struct stat raw {};
      if (::stat(path.c_str(), &raw) == 0 && S_ISDIR(raw.st_mode)) return {};
      return failure("create directory", path, ENOTDIR);
    }
    return failure("create directory", path);
  }
  Result<void> rename(std::string const& from_path, std::string const& to) override {
    if (::rename(from_path.c_str(), to.c_str()) != 0) return failure("rename", from_path + " to " + to);
    return {};
  }
  Result<void> link(std::string const& target, std::string const& path) override {
    if (::link(target.c_str(), path.c_str()) != 0) return failure("hard-link", target + " as " + path);
    return {};
  }
  Result<void> symlink(std::string const& target, std::string const& path) override {
    if (::symlink(target.c_str(), path.c_str()) != 0) return failure("symlink", path);
    return {};
  }
  Result<std::string> read_symlink(std::string const& path) override {
    std::array<char, 4096> text{};
    auto const size = ::readlink(path.c_str(), text.data(), text.size());
    if (size < 0) return failure("read link", path);
    return std::string(text.data(), static_cast<std::size_t>(size));
  }
  Result<void> remove(std::string const& path) override {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
    return failure("remove", path);
  }
  Result<void> remove_directory(std::string const& path) override {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) return {};
    return failure("remove directory", path);
  }
  Result<void> remove_tree(std::string const& path) override {
    return remove_below(AT_FDCWD, path, path);
  }
  Result<void> sync_directory(std::string const& path) override {
    Descriptor const descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0) return failure("open directory", path);
    if (::fsync(descriptor.get()) != 0 && errno != EINVAL) return failure("sync directory", path);
    return {};
  }
  Result<void> copy(std::string const& from_path, std::string const& to) override {
    Descriptor const source(::open(from_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (source.get() < 0) return failure("open", from_path);
    Descriptor const target(::open(to.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (target.get() < 0) return failure("create", to);
    auto const copied = copy_bytes(source.get(), target.get(), to);
    if (!copied) ::unlink(to.c_str());
    return copied;
  }
  Result<Bytes> free_space(std::string const& path) override {
    struct statvfs raw {};
    if (::statvfs(path.c_str(), &raw) != 0) return failure("measure free space of", path);
    return Bytes{raw.f_bavail} * raw.f_frsize;
  }
  Result<bool> writable(std::string const& path) override {
    if (::access(path.c_str(), W_OK) == 0) return true;
    if (errno == EACCES || errno == EPERM || errno == EROFS) return false;
    return failure("check", path);
  }
  Result<std::unique_ptr<Lock>> try_lock(std::string const& path, mode_t mode) override {
    // The path may be unlinked between open and flock by a tool that cleans up; then what was locked is nobody's lock.
    constexpr int kAttemptsMax = 16;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      bool created = true;
      int number = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
      if (number < 0 && errno == EEXIST) {
        created = false;
        number = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (number < 0 && errno == EACCES) number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (number < 0 && errno == ENOENT) continue;
      }
      Descriptor descriptor(number);
      if (number < 0) return failure("open lock", path);
      if (created && ::fchmod(number, mode) != 0) return failure("change the mode of", path);
      if (::flock(number, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return std::unique_ptr<Lock>();
        if (errno == EINTR) continue;
        auto const code = errno;
        auto error = failure("lock", path, code);
        if (code == ENOSYS || code == EOPNOTSUPP || code == ENOLCK) {
          error.kind = ErrorKind::not_supported;
          error.what += "; its file system has no locks, put the cache on another one";
        }
        return error;
      }
      auto lock = std::make_unique<SystemLock>(std::move(descriptor), path);
      auto const valid = lock->still_valid();
      if (!valid) return valid.error();
      if (!*valid) continue;
      auto const excludes = really_excludes(lock->descriptor(), path);
      if (!excludes) return excludes.error();
      return std::unique_ptr<Lock>(std::move(lock));
    }
    return fail(ErrorKind::busy, "lock " + path + ": it is removed again and again by somebody else");
  }

 private:
  static Result<std::vector<std::string>> names_in(DIR* stream, std::string const& directory) {
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      auto const* entry = ::readdir(stream);
      if (entry == nullptr) break;
      std::string_view const name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return failure("list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  /// Removes the entry `name` of the open directory `parent`. By descriptors, so that a directory that somebody replaces
  /// by a link meanwhile leads nowhere. `path` is for errors.
  static Result<void> remove_below(int parent, std::string const& name, std::string const& path) {
    struct stat raw {};
    if (::fstatat(parent, name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return {};
      return failure("stat", path);
    }
    if (!S_ISDIR(raw.st_mode)) {
      if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
      return failure("remove", path);
    }
    int const number = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (number < 0) {
      if (errno == ENOENT) return {};
      return failure("list", path);
    }
    std::unique_ptr<DIR, int (*)(DIR*)> const stream(::fdopendir(number), &::closedir);
    if (!stream) {
      auto const code = errno;
      ::close(number);
      return failure("list", path, code);
    }
    auto const names = names_in(stream.get(), path);
    if (!names) return names.error();
    for (auto const& below : *names) {
      auto const removed = remove_below(number, below, path + "/" + below);
      if (!removed) return removed;
    }
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) return {};
    return failure("remove directory", path);
  }

  /// Whether a second descriptor is kept out by a lock that is held; asked once per file system.
  Result<void> really_excludes(int held, std::string const& path) {
    struct stat raw {};
    if (::fstat(held, &raw) != 0) return failure("stat", path);
    std::scoped_lock const guard(mutex_);
    if (lockable_.contains(raw.st_dev)) return {};
    Descriptor const second(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (second.get() < 0) return {};  // unreadable for us, or gone: no answer this time
    struct stat other {};
    if (::fstat(second.get(), &other) != 0 || other.st_ino != raw.st_ino || other.st_dev != raw.st_dev) return {};
    if (::flock(second.get(), LOCK_SH | LOCK_NB) == 0)
      return fail(ErrorKind::not_supported, "the file system of " + path +
                                                " has no working locks: two openers could lock one file; put the cache on another one");
    lockable_.insert(raw.st_dev);
    return {};
  }

  Result<void> copy_bytes(int source, int target, std::string const& to) {
    if (::ioctl(target, FICLONE, source) == 0) return {};
    auto const stopped = [&to] { return fail(ErrorKind::cancelled, "the copy to " + to + " was stopped"); };
    while (true) {
      if (interrupted()) return stopped();
      auto const count = ::copy_file_range(source, nullptr, target, nullptr, std::size_t{64} << 20U, 0);
      if (count == 0) break;  // the end; or a file that only reads tell the length of
      if (count > 0) continue;
      if (errno == EINTR) continue;
      if (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM) break;
      return failure("copy to", to);
    }
    // Both descriptors stand where the copying ended.
    alignas(64) std::array<std::byte, 256 * 1024> block;
    while (true) {
      if (interrupted()) return stopped();
      auto const count = ::read(source, block.data(), block.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("read for a copy to", to);
      if (count == 0) return {};
      for (ssize_t done = 0; done < count;) {
        auto const written = ::write(target, block.data() + done, static_cast<std::size_t>(count - done));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failure("write", to);
        done += written;
      }
    }
  }

  std::mutex mutex_;
  std::set<dev_t> lockable_;  // file systems whose locks were seen to work; guarded by mutex_
};

}  // namespace

std::unique_ptr<FileSystem> system_files() { return std::make_unique<SystemFileSystem>(); }

}  // namespace hubd::fs
