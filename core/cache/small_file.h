// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "core/fs/file_system.h"

namespace hubd::cache {

/// Was something not there? The ordinary case in a folder that others delete from.
inline bool is_absent(Error const& error) { return error.kind == ErrorKind::local_entry_not_found; }

/// The content of a small file that anybody may have put there; nothing when it is absent, no regular file (links are
/// followed), or larger than `size_max`. Never blocks on a FIFO. Fails: io, permission_denied.
Result<std::optional<std::string>> read_small_file(fs::FileSystem& files, std::string const& path, Bytes size_max);

/// Marks `folder` as a cache for backup tools, unless it is marked. Failures are ignored, as in the stock client.
void write_cachedir_tag(fs::FileSystem& files, std::string const& folder);

/// The mode of a new file here: 0666 & ~umask, measured by making one at `probe`, which is removed again. The process's
/// umask cannot be asked without changing it for every thread. Fails: local_entry_not_found, io, ...
Result<mode_t> measure_file_mode(fs::FileSystem& files, std::string const& probe);

/// Where a symlink at `path` with this text leads, one hop, by text alone: absolute, without "." and "..".
std::string first_hop(std::string_view path, std::string_view text);

}  // namespace hubd::cache
