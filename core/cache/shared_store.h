// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// The blob store that stock clients >= 1.32 share between the repos of a cache root (hub-files 8.7): `<root>/blobs/<hh>/<xet
/// hash>`. hubd links from it and collects from it, under its locks; SharedStoreWriter fills it.
///
/// A payload is in use while a symlink of some repo that its manifest (`.refs`) names leads to it.
/// Blocking, thread-safe, holds no state. Failures of every member: io, permission_denied.
class SharedStore {
 public:
  /// `root` is the cache root.
  SharedStore(fs::FileSystem& files, std::string root) : files_(files), root_(std::move(root)) {}

  /// Is there a store of the version we know? Anything else named `blobs` is left alone.
  [[nodiscard]] bool marked() const;
  [[nodiscard]] std::string payload(std::string_view hash) const;
  /// The hash of the payload that the symlink `path` with this text names; nothing when it leads elsewhere.
  [[nodiscard]] std::optional<std::string> payload_named(std::string_view path, std::string_view text) const;
  /// The same for a path that may be any kind of file.
  [[nodiscard]] std::optional<std::string> payload_behind(std::string const& path) const;
  /// The hashes of all payloads; empty without a store.
  [[nodiscard]] Result<std::vector<std::string>> payloads() const;
  /// The absolute paths of the repo blobs that use the payload now; nothing without a readable manifest, and then nobody
  /// may delete it.
  [[nodiscard]] Result<std::optional<std::set<std::string>>> references(std::string_view hash) const;

  /// Gives the payload a further name (hard link) at `path`, which must not exist; a copy where links are refused. Nothing
  /// when it is not usable: another size, not readable, its lock held by somebody.
  Result<std::optional<fs::Stat>> link(std::string_view hash, Bytes size, std::string const& path);
  /// Removes the payload if nobody uses it any more, else tidies its manifest. True when it was removed.
  Result<bool> collect(Random& random, std::string_view hash);

 private:
  Result<std::optional<fs::Stat>> copy(std::string const& source, Bytes size, std::string const& path);
  fs::FileSystem& files_;
  std::string root_;
};

}  // namespace hubd::cache
