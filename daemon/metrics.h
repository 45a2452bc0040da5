// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "core/engine/engine.h"
#include "core/engine/insight.h"
#include "daemon/upstream.h"

namespace hubd::daemon {

/// What /metrics shows beside the engine's totals.
struct ServerCounts {
  std::uint64_t connections = 0;
  std::uint64_t calls_running = 0;
  std::uint64_t calls_total = 0;
  std::uint64_t upstream_connections = 0;
  std::uint64_t upstream_connections_max = 0;
  Bytes resident = 0;
  std::uint64_t open_files = 0;
  std::uint64_t open_files_max = 0;
  std::optional<Bytes> disk_free;  ///< as it was some seconds ago; nothing: not known
};

/// Prometheus text of the counters. Of the windows of one host and class with several tokens, the one with the least left.
std::string format_metrics(engine::Totals const& totals, engine::Budgets const& budgets, Traffic const& traffic, ServerCounts const& server);

}  // namespace hubd::daemon
