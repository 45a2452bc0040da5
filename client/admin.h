// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace hubd::client {

/// Which hubd answered.
struct Hello {
  std::string version;
  std::vector<std::string> features;
  std::string root_id;
  std::string cache_root;
  bool auto_started = false;
  int pid = 0;
  std::uint32_t uid = 0;  ///< the caller's, as the kernel says
};

struct Status {
  std::string version;
  int pid = 0;
  std::int64_t uptime_seconds = 0;
  std::string mode;  ///< user, system
  std::string cache_root;
  std::string root_id;
  std::string state_folder;
  std::string socket;
  std::string network;  ///< online, prefer-local, offline
  std::uint64_t bytes_free = 0;
  std::uint64_t bytes_floor = 0;
  std::uint64_t transfers_running = 0;
  std::uint64_t transfers_waiting = 0;
  std::uint64_t clients = 0;
  std::uint64_t bytes_fetched = 0;  ///< since start
  std::uint64_t requests = 0;       ///< upstream, since start
  std::uint64_t bytes_published = 0;
  std::uint64_t integrity_failures = 0;
  std::uint64_t rss_bytes = 0;
  std::string problem;  ///< "" or one sentence
  std::uint64_t memory_max = 0;  ///< for buffers of transfers, as in force
  std::string memory_why;        ///< "memory.max", or what made it less
  std::uint64_t open_files = 0;
  std::uint64_t open_files_max = 0;
  std::uint64_t unverified_blobs = 0;
};

/// What one check of hubd's doctor saw.
struct Check {
  std::string check;  ///< "dns", "tls", ...
  std::string level;  ///< ok, warn, fail
  std::string what;
  std::string remedy;  ///< "" when all is well
};

struct ConfigValue {
  std::string key;
  std::string value;
  std::string source;  ///< default, file:line, overlay, environment, command line
  std::string help;
  bool live = false;  ///< applies without a restart
};

struct ConfigChange {
  ConfigValue value;
  bool restart_needed = false;
};

}  // namespace hubd::client
