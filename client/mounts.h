// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "environment.h"
#include "result.h"

#pragma GCC visibility push(default)
namespace hubd::client {

/// A folder of the host, and where this process sees it: containers mount hubd's cache where they like. Both absolute.
struct Mount {
  std::string host;
  std::string here;
};

/// $HUBD_MOUNT_MAP: /host/path=/path/here[:/host/other=/other/here]; none when it is unset. Fails: bad_request for what
/// names no absolute paths.
Result<std::vector<Mount>> mounts_from(Variables const& variables);

/// The cache of one hubd, as this process sees it. Reads the disk; safe from any thread.
///
/// A folder that holds the cache's id is the cache, whatever its path. Where the id is not to be seen, or a part of the
/// cache is mounted alone, the mounts say what is where.
class CacheView {
 public:
  CacheView() = default;
  /// `root` and its id as hubd said them.
  CacheView(std::string root, std::string root_id, std::vector<Mount> mounts);

  /// Is the folder `root` of this process hubd's cache?
  [[nodiscard]] bool is_at(std::string const& root) const;
  /// Do the mounts speak of hubd's cache or of a part of it?
  [[nodiscard]] bool is_mapped() const;
  /// What hubd calls a folder of this process.
  [[nodiscard]] std::string told(std::string const& path) const;
  /// Where this process, whose cache folder is `callers_root`, has what hubd calls `path`; nobody looks whether it is there.
  [[nodiscard]] std::string seen(std::string const& path, std::string const& callers_root) const;
  /// The same for what must be there: below the caller's own folder, where the mounts say, else at hubd's own path.
  /// Fails: not_mounted.
  [[nodiscard]] Result<std::string> find(std::string const& path, std::string const& callers_root) const;

 private:
  /// hubd's paths below its cache, as paths below the caller's folder, when that is the same cache.
  [[nodiscard]] std::optional<std::string> below(std::string const& path, std::string const& callers_root) const;
  [[nodiscard]] std::optional<std::string> mapped(std::string const& path) const;

  std::string root_;
  std::string root_id_;
  std::vector<Mount> mounts_;  ///< the longest host path first
};

}  // namespace hubd::client
#pragma GCC visibility pop
