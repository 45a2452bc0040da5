// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace hubd::daemon {

/// A control group that limits this process's memory.
struct MemoryLimit {
  Bytes bytes = 0;
  std::string file;  ///< that says so: "/sys/fs/cgroup/user.slice/memory.max"
};

/// The files in which limits of this process may stand, its own group first and then those around it, of both versions:
/// from the texts of /proc/self/cgroup and /proc/self/mountinfo. Pure. What lies outside of the mounts that the process sees
/// (a container) is not listed.
std::vector<std::string> memory_limit_files(std::string_view cgroup, std::string_view mountinfo);
/// "max" and version 1's huge number are no limit: nothing. Pure.
std::optional<Bytes> parse_memory_limit(std::string_view text);

/// The smallest limit among those files; nothing when there is none or nothing can be read. `read` gives a file's text, or
/// nothing.
std::optional<MemoryLimit> memory_limit(std::function<std::optional<std::string>(std::string const&)> const& read);
/// The same of this process, by the kernel's files.
std::optional<MemoryLimit> own_memory_limit();

}  // namespace hubd::daemon
