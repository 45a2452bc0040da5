// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/listing.h"
#include "core/cache/layout.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// A snapshot to be verified.
struct LocalRoot {
  Commit commit;
  std::string path;  ///< absolute: snapshots/<commit>
};

/// Where the files of a revision are, by the stock rules: the snapshot of a full commit, else of refs/<revision>, else, when
/// `revision` is empty, of refs/main, or the only snapshot there is.
/// Fails: local_entry_not_found (naming repo and revision), bad_request, io.
Result<LocalRoot> find_local_root(fs::FileSystem& files, Layout const& layout, RepoRef const& repo,
                                  std::string const& revision);

struct FileVerdict {
  enum class State : std::uint8_t { ok, mismatch, missing };
  State state = State::missing;
  std::string expected;  ///< hex: sha256 of an LFS file, git blob sha1 of a regular one
  std::string actual;    ///< empty when missing
  std::string blob;      ///< absolute path of the bytes that were hashed, links followed one hop: for Engine::noted
};

/// "ok", "mismatch", "missing": as in messages.
std::string_view name_of(FileVerdict::State state) noexcept;

/// Hashes `<root>/<file.path>` and compares it with the listing. Reads the whole file: call from the hash pool, one file at a
/// time, so that progress can be told between them. `stop`, where given, ends it within one block.
/// Fails: bad_request (path or hash of the listing), cancelled, io, permission_denied.
Result<FileVerdict> verify_file(fs::FileSystem& files, std::string const& root, ListedFile const& file,
                                std::atomic<bool> const* stop = nullptr);

/// Files below `root` that the listing does not name, sorted, relative. In a local_dir (`local_dir`) every file counts but
/// those in `.git` and `.cache/huggingface`. Fails: io, permission_denied.
Result<std::vector<std::string>> extra_files(fs::FileSystem& files, std::string const& root, Listing const& listing,
                                             bool local_dir);

}  // namespace hubd::cache
