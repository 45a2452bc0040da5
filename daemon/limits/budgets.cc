// SPDX-License-Identifier: Apache-2.0
#include "daemon/limits/budgets.h"

#include <sys/resource.h>

#include <algorithm>

namespace hubd::daemon {
namespace {

constexpr Bytes memory_min = 16_MiB;           // as memory.max
constexpr std::uint64_t descriptors_own = 96;  // databases, sockets, epoll, gRPC, listings of folders
constexpr std::uint64_t per_connection = 3;    // the connection, its partial, a file that is read beside it
constexpr std::uint64_t descriptors_max = 1U << 20U;

}  // namespace

MemoryBudget memory_budget(Bytes wanted, bool by_operator, std::optional<MemoryLimit> const& limit) {
  MemoryBudget budget{wanted, "memory.max", ""};
  if (!limit) return budget;
  auto const group = human_size(limit->bytes) + " (" + limit->file + ")";
  auto const fitting = std::max(memory_min, limit->bytes / 2);
  if (wanted <= fitting) return budget;
  if (by_operator) {
    if (wanted > limit->bytes - limit->bytes / 4)
      budget.warning = "memory.max " + human_size(wanted) + " is more than three quarters of what the control group allows, " + group +
                       ": the kernel may end hubd; lower memory.max or raise the group's limit";
    return budget;
  }
  budget.bytes = fitting;
  budget.why = "half of the control group's limit, " + group;
  return budget;
}

DescriptorBudget descriptor_budget(std::uint64_t descriptors, std::size_t connections, std::size_t connections_of_uid) {
  auto const left = descriptors > descriptors_own ? descriptors - descriptors_own : 0;
  auto const wanted = connections * per_connection + 2 * connections_of_uid;
  if (wanted <= left) return {connections, connections_of_uid, ""};
  // Half for clients of both sockets, half for what they wait for.
  DescriptorBudget budget;
  budget.connections = std::clamp<std::size_t>(left / 2 / per_connection, 1, connections);
  budget.connections_of_uid = std::clamp<std::size_t>(left / 4, 4, connections_of_uid);
  budget.warning = "only " + std::to_string(descriptors) + " files may be open (RLIMIT_NOFILE): " + std::to_string(budget.connections) + " instead of " +
                   std::to_string(connections) + " connections to hosts and " + std::to_string(budget.connections_of_uid) + " instead of " +
                   std::to_string(connections_of_uid) + " of one user are taken; raise the hard limit (LimitNOFILE=, ulimit -Hn)";
  return budget;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  auto const wanted = std::min<rlim_t>(limit.rlim_max, descriptors_max);
  if (limit.rlim_cur < wanted) {
    auto const before = limit.rlim_cur;
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  return limit.rlim_cur;
}

}  // namespace hubd::daemon
