// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "caller.h"
#include "downloads.h"
#include "error.h"

namespace hubd::client {

/// hubd's durable unit of work: files of one commit, for one or more callers.
struct Transfer {
  std::string id;
  Repo repo;
  std::string commit;
  std::string state;  ///< queued, running, waiting, paused, parked, done, failed, cancelled
  std::string waiting_for;
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_fetched = 0;
  std::uint64_t files_total = 0;
  std::uint64_t files_done = 0;
  double rate = 0;
  double eta_seconds = -1;
  std::uint32_t leases = 0;  ///< clients waiting now
  bool detached = false;
  std::int64_t created_unix_ms = 0;
  Priority priority = Priority::normal;
  std::string path;             ///< the folder of its files, as hubd sees it
  double deadline_seconds = 0;  ///< left until the deadline of who attached; 0: none
  std::optional<Error> error;  ///< when failed or parked
};

/// One thing that a transfer waits for now.
struct TransferWait {
  std::string kind;    ///< resume, next_try, lock, connection, bandwidth, window, upstream
  std::string what;    ///< in words
  std::string file;    ///< of the repo; "": all of them
  std::string host;    ///< that is or would be asked
  std::string route;   ///< cas, plain; "": none yet
  std::string holder;  ///< of the lock
  std::int64_t since_unix_ms = 0;
  std::string address;  ///< of the host, once a connection answered
};

/// A request of a transfer that is under way.
struct TransferRange {
  std::string transfer_id;
  std::string file;
  std::string name;  ///< which bytes, or which chunks of which xorb
  std::string host;
  std::string address;
  std::string route;  ///< cas, plain
  std::uint64_t bytes = 0;
  double seconds = 0;         ///< since it was asked
  double silent_seconds = 0;  ///< since its last byte, or since it was asked
};

/// One thing that happened to a transfer.
struct TransferEvent {
  std::string kind;  ///< queued, admitted, route, waiting, moving, published, paused, resumed, parked, raised, ended
  std::int64_t unix_ms = 0;
  std::string what;
  std::uint64_t count = 1;  ///< like ones in a row
};

struct TransferWhy {
  Transfer transfer;
  std::vector<TransferWait> waits;
  std::vector<TransferRange> ranges;
  std::vector<TransferEvent> events;  ///< the last ten, oldest first
};

/// The host's ceilings, and what everybody together takes of them now.
struct Budgets {
  std::uint64_t bandwidth_max = 0;  ///< bytes per second; 0: no limit
  double bandwidth = 0;
  std::uint64_t bandwidth_waiting = 0;  ///< ranges that wait for bytes
  std::uint64_t connections = 0;
  std::uint64_t connections_max = 0;
  std::uint64_t connections_per_host_max = 0;
  std::uint64_t connections_waiting = 0;
  struct Host {
    std::string host;
    std::uint64_t connections = 0;
  };
  std::vector<Host> hosts;   ///< that have connections
  std::uint64_t memory = 0;  ///< the most that body buffers may take now
  std::uint64_t memory_max = 0;
  std::uint64_t disk_reserved = 0;  ///< for what is still to come
  std::uint64_t disk_floor = 0;     ///< that stays free
  struct Window {
    std::string origin;
    std::string category;
    std::int64_t remaining = 0;
    double reset_seconds = 0;
    std::uint64_t waiting = 0;
  };
  std::vector<Window> windows;
};

/// Everything that moves, at one moment.
struct Overview {
  std::vector<Transfer> transfers;  ///< one's own, that have not ended
  std::vector<TransferRange> ranges;
  Budgets budgets;
  std::int64_t unix_ms = 0;
};

/// One event of watch() or attach(), on the thread that called it.
using WatchListener = std::function<void(Transfer const&, std::vector<FileProgress> const&)>;

}  // namespace hubd::client
