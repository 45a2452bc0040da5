// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cache/cache.h"
#include "core/engine/make_engine.h"
#include "core/net/task_group.h"
#include "tests/sim/sim_hub.h"
#include "tests/support/sim_file_system.h"
#include "tests/support/sim_sqlite.h"
#include "tests/support/virtual_time.h"

namespace hubd::sim {

/// The real engine over a simulated disk, Hub and clock: one thread, one seed, one run.
class World {
 public:
  explicit World(std::uint64_t seed, engine::Options options = {});
  ~World();
  World(World const&) = delete;
  World& operator=(World const&) = delete;

  /// One waiting client.
  struct Client {
    std::optional<Result<engine::EnsureResult>> answer;
    int answers = 0;
    Bytes last_done = 0;
    bool went_back = false;  ///< progress decreased
    std::string transfer;
    std::function<void()> on_started;  ///< the moment the client is told so
    std::string waited_for;  ///< the last that was said
  };

  /// Builds and starts an engine over what stands on the disk now.
  Result<void> start();
  /// Ends the engine as SIGTERM does.
  void stop();
  /// The process is gone: what was in memory is lost, and `loss` of what the disk had not been told to keep.
  void crash(support::SimFileSystem::Loss loss);

  /// A client asks; run time to let it have its answer.
  std::shared_ptr<Client> ensure(std::string const& repo, std::string const& revision = "main",
                                 std::function<void(engine::EnsureRequest&)> adjust = {});
  std::shared_ptr<Client> ensure(engine::EnsureRequest request);
  /// The client goes away.
  void leave(Client& client);
  engine::EnsureRequest request(std::string const& repo, std::string const& revision = "main") const;
  /// Runs one coroutine to its end in virtual time.
  template <class T>
  Result<T> run(Async<T> work);

  /// What must hold at any moment; the empty string when it does.
  std::string broken_promise();
  /// Is every file of the repo's commit readable through its snapshot, with the right bytes?
  std::string snapshot_problem(std::string const& repo);

  std::uint64_t seed;
  std::uint64_t lives = 0;  ///< engines started
  asio::io_context io;
  support::VirtualTime time;
  support::SimFileSystem disk;
  support::SimSqlite databases;  ///< they stand on the disk
  SimHub hub;
  engine::Options options;
  cache::Cache::SharedStoreUse shared_store = cache::Cache::SharedStoreUse::read;
  std::unique_ptr<engine::Engine> engine;

 private:
  struct Task {
    std::shared_ptr<Client> client;
    std::unique_ptr<net::TaskGroup> group;  // of one, so that one client can be cancelled
  };
  class Parts;
  void end_clients();

  std::unique_ptr<Parts> parts_;
  std::vector<Task> tasks_;
};

template <class T>
Result<T> World::run(Async<T> work) {
  Result<T> result = fail(ErrorKind::internal, "the work did not end in virtual time");
  net::TaskGroup group(io.get_executor(), [&](std::exception_ptr) { result = fail(ErrorKind::internal, "exception"); });
  auto const drive = [](Async<T> inner, Result<T>& out) -> asio::awaitable<void> { out = co_await std::move(inner); };
  group.spawn("test", drive(std::move(work), result));
  for (int i = 0; i < 10'000 && group.size() > 0; ++i) time.run_for(std::chrono::seconds(1));
  if (group.size() > 0) {
    group.cancel();
    time.run_for(std::chrono::seconds(200));
  }
  return result;
}

}  // namespace hubd::sim
