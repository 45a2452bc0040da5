// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "daemon/limits/cgroup.h"

namespace hubd::daemon {

/// How much memory the buffers of transfers get. Pure.
struct MemoryBudget {
  Bytes bytes = 0;
  std::string why;      ///< "memory.max", or why less: for log and status
  std::string warning;  ///< empty: none
};
/// `wanted` is memory.max; `by_operator` when somebody set it: then it holds, and what does not fit is a warning. A default
/// shrinks to half of the control group's limit, since hubd itself, its connections and the page cache need the rest.
MemoryBudget memory_budget(Bytes wanted, bool by_operator, std::optional<MemoryLimit> const& limit);

/// How many connections the descriptors allow. Pure.
struct DescriptorBudget {
  std::size_t connections = 0;         ///< to all hosts
  std::size_t connections_of_uid = 0;  ///< of one user, to each of our sockets
  std::string warning;                 ///< empty: all that was wanted fits
};
/// `descriptors` is the soft limit. A connection upstream comes with a partial and a file that is read; some are hubd's own.
DescriptorBudget descriptor_budget(std::uint64_t descriptors, std::size_t connections, std::size_t connections_of_uid);

/// Raises the soft limit of descriptors to the hard one, at most 1048576. Returns what is in force.
std::uint64_t raise_descriptor_limit();

}  // namespace hubd::daemon
