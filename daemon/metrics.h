// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/engine.h"
#include "daemon/upstream.h"

namespace hubd::daemon {

/// What /metrics shows beside the engine's totals.
struct ServerCounts {
  std::uint64_t connections = 0;
  std::uint64_t calls_running = 0;
  std::uint64_t calls_total = 0;
};

/// Prometheus text of the counters. Of the windows of one host and class with several tokens, the one with the least left.
std::string format_metrics(engine::Totals const& totals, Traffic const& traffic, ServerCounts const& server,
                           std::vector<sched::RateWindows::Window> const& windows);

}  // namespace hubd::daemon
