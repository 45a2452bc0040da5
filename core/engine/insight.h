// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/engine/engine.h"
#include "core/engine/event_log.h"
#include "core/sched/rate_windows.h"
#include "core/transfer/movement.h"

namespace hubd::engine {

/// One thing that a transfer waits for now.
struct Wait {
  enum class Kind : std::uint8_t { resume, next_try, place, lock, connection, bandwidth, window, upstream };
  Kind kind = Kind::upstream;
  std::string what;    ///< in words
  std::string file;    ///< of the repo; empty: all of them
  std::string host;    ///< that is or would be asked
  std::string route;   ///< cas, plain; empty: none yet
  std::string holder;  ///< of the lock
  WallTime since{};
  std::string address;  ///< of the host, once a connection answered
};

constexpr std::string_view name_of(Wait::Kind kind) {
  using Kind = Wait::Kind;
  switch (kind) {
    case Kind::resume: return "resume";
    case Kind::next_try: return "next_try";
    case Kind::place: return "place";
    case Kind::lock: return "lock";
    case Kind::connection: return "connection";
    case Kind::bandwidth: return "bandwidth";
    case Kind::window: return "window";
    case Kind::upstream: return "upstream";
  }
  return "upstream";
}

/// A request of a transfer that is under way.
struct Range {
  std::string file;
  transfer::RangeView view;
};

/// Why a transfer is where it is: from memory, without a look at disk or network.
struct Why {
  TransferInfo transfer;
  std::vector<Wait> waits;
  std::vector<Range> ranges;
  std::vector<TransferEvent> events;  ///< the last ten, oldest first
};

/// The host's ceilings and what is taken of them now, by everybody together.
struct Budgets {
  std::optional<Bytes> bandwidth_max;  ///< per second; nothing: no limit
  double bandwidth = 0;                ///< bytes per second, over the last seconds
  std::size_t bandwidth_waiting = 0;   ///< ranges that wait for bytes
  std::size_t connections = 0;
  std::size_t connections_max = 0;
  std::size_t connections_per_host_max = 0;
  std::size_t connections_waiting = 0;
  std::vector<std::pair<std::string, std::size_t>> hosts;  ///< that have connections
  Bytes memory_max = 0;      ///< of body buffers
  Bytes memory = 0;          ///< the most that the connections in use may hold of it
  Bytes disk_reserved = 0;   ///< for what is still to come
  Bytes disk_floor = 0;      ///< that stays free
  std::vector<sched::RateWindows::Window> windows;
};

/// Everything that moves, at one moment: one's own transfers, their requests, the host's budgets.
struct Overview {
  std::vector<TransferInfo> transfers;
  std::vector<std::pair<std::string, Range>> ranges;  ///< by transfer
  Budgets budgets;
  Totals totals;
};

}  // namespace hubd::engine
