// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/cache/cache.h"
#include "core/engine/audit.h"
#include "core/engine/engine.h"
#include "core/fs/file_system.h"
#include "core/hub/entitlement.h"
#include "core/hub/hub_client.h"
#include "core/http/client.h"
#include "core/net/timers.h"
#include "core/sched/bandwidth_plan.h"

namespace hubd::engine {

class Routes;
class WindowedHttp;

/// What an operator may change while the engine runs.
struct Tuning {
  enum class Network : std::uint8_t { online, prefer_local, offline };
  Network network = Network::online;
  Duration branch_max_age = std::chrono::seconds(30);
  Bytes free_floor = 1_GiB;
  sched::BandwidthPlan bandwidth;  ///< of content bytes that arrive, all together
  std::size_t connections_total = 64;
  std::size_t connections_per_host = 16;
  std::size_t connections_per_file = 8;
};

/// Fixed at start.
struct Options {
  std::string state_folder;  ///< absolute, exists, on the file system of the cache root: partials and journals live here
  std::string database_folder;  ///< of transfers.db and content.db; empty: the state folder
  std::vector<std::string> upstreams;  ///< the first is the default; the others serve the same repos when it cannot
  Duration progress_timeout = std::chrono::seconds(60);
  Duration metadata_timeout = std::chrono::seconds(10);
  Bytes range_size = 16_MiB;
  Bytes block_size = 1_MiB;       ///< one write of a plain download, and one note in its map
  Bytes small_file_max = 1_MiB;   ///< up to this a file comes by one plain request into memory: no map, no Xet
  Bytes xet_bridge_max = 256_KiB;  ///< chunks that are here are fetched again when they stand between others and are fewer bytes
  std::size_t files_in_flight = 8;
  std::size_t transfers_at_work = 256;  ///< others wait in line: each at work holds files, locks and memory of its own
  Bytes memory_max = 512_MiB;  ///< of body buffers, all together
  bool xet = true;             ///< Xet-backed files by the Xet protocol; else all by the plain route
  bool adopt = true;           ///< learn the chunks of contents that came by another way, while nothing moves
  Tuning tuning;
};

/// What the engine stands on; all of it outlives the engine. `executor` is single-threaded or a strand, and every call of
/// the engine and of `http` happens on it. `disk` and `hashing` may be pools.
struct Parts {
  asio::any_io_executor executor;
  asio::any_io_executor disk;
  asio::any_io_executor hashing;
  fs::FileSystem& files;
  cache::Cache& cache;
  http::Client& http;
  hub::HubClient& hub;
  hub::Entitlement& entitlement;
  net::Timers& timers;
  Random& random;
  Log& log;
  WindowedHttp const* windows = nullptr;  ///< what `http` and `hub` go through, if so: says what a call waits for
  Routes* routes = nullptr;  ///< which connections of `http` are slow; none: no connection is slow beside others
  asio::any_io_executor background{};  ///< of threads that give way to everybody else; none: `hashing`
  Audit* audit = nullptr;  ///< is told of each publish; outlives the engine too
};

std::unique_ptr<Engine> make_engine(Options options, Parts parts);

}  // namespace hubd::engine
