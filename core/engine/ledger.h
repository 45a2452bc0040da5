// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/db/database.h"
#include "core/fs/file_system.h"

namespace hubd::engine {

/// What hubd knows about bytes in the cache: which files (by device, inode, size and mtime) hashed to which content, and
/// where a content stands. Derived and disposable: losing it costs hashing again, never correctness, since a location is
/// believed only while its stat is what was hashed (docs/disk-format.md, content.db).
///
/// Blocking: call from the disk pool. Thread-safe.
class Ledger {
 public:
  enum class Verdict : std::uint8_t {
    unknown,   ///< never hashed by hubd
    verified,  ///< these very bytes hashed to the content
    wrong,     ///< these very bytes hashed to something else
    edited,    ///< the inode was hashed, but has changed since
  };

  /// `path`: the file, or ":memory:". A file that is no database or of a newer hubd is begun anew, which is safe here.
  static Result<std::unique_ptr<Ledger>> open(fs::FileSystem& files, std::string const& path);

  [[nodiscard]] Verdict look(fs::Stat const& stat, std::string const& etag) const;
  /// `stat` was taken before and after hashing and did not change. `path` is one of the file's names.
  void record(fs::Stat const& stat, std::string const& etag, bool matches, std::string const& path);
  /// Files that held this content, newest first, whose bytes were verified; the caller looks at each before it uses it.
  [[nodiscard]] std::vector<std::string> holders(std::string const& etag) const;
  /// What the bytes at `stat` hashed to; empty when nobody knows.
  [[nodiscard]] std::string content_of(fs::Stat const& stat) const;
  /// This path no longer holds it.
  void forget(std::string const& etag, std::string const& path);

 private:
  explicit Ledger(std::unique_ptr<db::Database> database);
  Result<void> prepare();
  struct Statements;

  mutable std::mutex mutex_;  // guards the database and its statements
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Statements> statements_;

 public:
  ~Ledger();
};

}  // namespace hubd::engine
