// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/fs/file_system.h"
#include "tests/support/sim_names.h"

namespace hubd::support {

/// A file system in memory, with knobs for faults and crashes. The same seed and calls give the same result.
///
/// It behaves as Linux does where hubd depends on it: symlinks, hard links, flock per descriptor, rename over another link
/// of the same inode does nothing, umask, space and reservations, open files that live on after unlink. One user, who
/// owns everything; owner permission bits hold. What lost power may do: a sector is left as one of the writes since the
/// file's last sync() made it, and a name counts only after sync_directory() of its folder, which makes the folder itself
/// durable too (as journaling file systems do). Modes are durable at once.
///
/// Thread-safe. Its files and locks die before it.
class SimFileSystem final : public fs::FileSystem {
 public:
  /// What changes the disk or makes a change durable, and so can be made to fail.
  enum class Operation : std::uint8_t {
    create, write, reserve, truncate, sync, set_mode, make_directory, rename, link, symlink, remove, remove_directory,
    sync_directory
  };
  enum class Loss : std::uint8_t {
    none,  ///< the process died: the kernel still writes what it holds
    some,  ///< power was lost: of what was not synced a seeded part survives
    all,   ///< power was lost: what was not synced is as it was at the last sync
  };
  struct Options {
    std::uint64_t seed = 1;
    Bytes capacity = 1024_GiB;
    mode_t umask = 022;
    Clock const* clock = nullptr;  ///< for mtimes; null: one microsecond passes per change
  };
  /// One mutating operation, as the log keeps it. The last 10,000 are kept.
  struct Entry {
    Operation operation;
    std::string path;
    bool failed = false;
  };

  SimFileSystem();
  explicit SimFileSystem(Options options);
  ~SimFileSystem() override;

  // --- Knobs -------------------------------------------------------------------------------------------------------
  /// The n-th mutating operation from now (1: the next) fails with `kind`. A failing write may have written a part.
  void fail_operation(std::uint64_t n, ErrorKind kind);
  /// The same, counting only operations of one sort.
  void fail_operation(std::uint64_t n, Operation only, ErrorKind kind);
  /// From the n-th mutating operation from now on (1: the next) every call fails, as if the process had died in it.
  void crash_at(std::uint64_t n);
  /// crash_at() has struck.
  [[nodiscard]] bool dead() const;
  /// The process is gone, and with Loss::some or Loss::all the machine was too. Open files and locks of before fail
  /// every call; knobs are reset; the file system is usable again.
  void crash(Loss loss);
  void set_capacity(Bytes capacity);
  /// No planned fault is due any more.
  void heal();
  /// chmod, which the seam offers for open files only.
  void change_mode(std::string const& path, mode_t mode);
  /// What another program has put there long ago: folders as needed, durable, not counted.
  void plant(std::string const& path, std::string_view text);
  /// One byte of a file is another one, and nothing else shows it: a bit rots, or somebody puts the mtime back.
  void rot(std::string const& path, Bytes offset);
  /// The content of a file, links followed; a text that says so when it cannot be read.
  [[nodiscard]] std::string content(std::string const& path) const;

  // --- What happened -----------------------------------------------------------------------------------------------
  /// Mutating operations since construction, failed ones too.
  [[nodiscard]] std::uint64_t operations() const;
  [[nodiscard]] std::vector<Entry> log() const;
  static std::string_view name_of(Operation operation);
  /// "write /a/b.partial" per line, "(failed)" behind what failed: for messages of tests.
  [[nodiscard]] std::string log_text() const;
  /// Paths that got their name by a rename or a hard link since the last call; the first call begins the counting.
  std::vector<std::string> take_named();
  [[nodiscard]] Bytes used() const;
  /// Held locks whose file still has a name.
  [[nodiscard]] std::size_t locks_held() const;

  // --- fs::FileSystem ----------------------------------------------------------------------------------------------
  Result<std::unique_ptr<fs::File>> open(std::string const& path, fs::OpenMode mode, mode_t permissions = 0666,
                                         bool nofollow = false) override;
  Result<fs::Stat> lstat(std::string const& path) override;
  Result<fs::Stat> stat(std::string const& path) override;
  Result<std::vector<std::string>> list(std::string const& directory) override;
  Result<void> make_directories(std::string const& path, mode_t mode = 0777) override;
  Result<void> rename(std::string const& from, std::string const& to) override;
  Result<void> link(std::string const& target, std::string const& path) override;
  Result<void> symlink(std::string const& target, std::string const& path) override;
  Result<std::string> read_symlink(std::string const& path) override;
  Result<void> remove(std::string const& path) override;
  Result<void> remove_directory(std::string const& path) override;
  Result<void> remove_tree(std::string const& path) override;
  Result<void> sync_directory(std::string const& path) override;
  Result<void> copy(std::string const& from, std::string const& to) override;
  Result<Bytes> free_space(std::string const& path) override;
  Result<bool> writable(std::string const& path) override;
  Result<std::unique_ptr<fs::Lock>> try_lock(std::string const& path, mode_t mode = 0664) override;

 private:
  class SimFile;
  class SimLock;
  using Node = SimNames::Node;
  using NodePtr = SimNames::NodePtr;
  using Place = SimNames::Place;

  struct Plan {  // one fail_operation()
    std::uint64_t countdown;
    bool any;
    Operation only;
    ErrorKind kind;
  };

  // All of these want mutex_ held.
  Result<void> alive(char const* doing, std::string const& path) const;
  Result<void> begin(Operation operation, std::string const& path);
  Result<NodePtr> create(Place const& place, std::string const& path, fs::Stat::Type type, mode_t mode);
  Result<void> write(Node& node, std::string const& path, Bytes offset, std::span<std::byte const> data);
  Result<void> unlink(std::string const& path, bool directory);
  Result<Place> find(char const* doing, std::string const& path, bool follow) const;
  Result<Place> find_existing(char const* doing, std::string const& path, bool follow) const;
  Result<void> check_parent(char const* doing, Place const& place, std::string const& path) const;
  [[nodiscard]] fs::Stat stat_of(Node const& node) const;
  [[nodiscard]] Bytes free() const;
  void touch(Node& node);
  void release(Node& node);

  mutable std::mutex mutex_;  // guards everything below
  Options options_;
  std::unique_ptr<Random> random_;
  SimNames names_;
  Bytes used_ = 0;
  std::int64_t ticks_ = 0;
  std::uint64_t life_ = 0;  // counts crashes: what was opened in an earlier one is stale
  bool dead_ = false;
  std::uint64_t crash_countdown_ = 0;  // 0: none planned
  std::vector<Plan> plans_;
  std::uint64_t operations_ = 0;
  std::deque<Entry> log_;
  bool names_wanted_ = false;
  std::vector<std::string> named_;  // for take_named()
};

}  // namespace hubd::support
