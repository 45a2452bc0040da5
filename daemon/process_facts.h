// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "core/base/bytes.h"

namespace hubd::daemon {

/// What the kernel says about this process, for status and metrics. Cheap; 0 where it does not tell.
Bytes resident_bytes();
/// Descriptors that are open now.
std::uint64_t open_files();
/// More cannot be open: the soft RLIMIT_NOFILE.
std::uint64_t open_files_max();

}  // namespace hubd::daemon
