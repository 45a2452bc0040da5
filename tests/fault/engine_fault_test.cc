// SPDX-License-Identifier: Apache-2.0
// Every disk operation of a download, from admission to publish and of SQLite too, fails once, and is once the last one of the
// process. Whatever happened then, what reopens keeps every promise and brings the rest.
#include <gtest/gtest.h>

#include "tests/sim/world.h"

namespace hubd::sim {
namespace {

using Loss = support::SimFileSystem::Loss;
using namespace std::chrono_literals;

constexpr std::uint64_t operations_max = 500;
#ifdef __OPTIMIZE__
constexpr std::uint64_t every = 1;
#else
constexpr std::uint64_t every = 7;  // of the operations, under sanitizers
#endif
constexpr char const* folder = "/home/user/model";

/// One way through the engine: what is asked for, one after the other.
struct Path {
  char const* name;
  std::vector<char const*> repos;
  bool shared_store = false;
  bool into_folder = false;
  bool detached = false;

  friend void PrintTo(Path const& path, std::ostream* out) { *out << path.name; }
};

engine::Options options() {
  engine::Options options;
  options.small_file_max = 32 * 1024;
  options.block_size = 32 * 1024;
  options.range_size = 64 * 1024;
  options.xet_bridge_max = 8 * 1024;
  options.tuning.connections_per_file = 2;
  options.tuning.free_floor = 0;
  return options;
}

class EngineFault : public testing::TestWithParam<Path> {
 protected:
  struct Run {
    Run(Path const& the, std::uint64_t seed) : path(the), world(seed, options()) {
      constexpr auto x = SimHub::first_small_xorb;
      auto& hub = world.hub;
      hub.add_file("acme/one", "config.json", 100, 1);
      hub.add_file("acme/one", "sub/model.bin", 150'000, 2);
      hub.add_file("acme/two", "same.bin", 150'000, 2);
      hub.add_xet_file("acme/xet", "model.safetensors", {{x + 1, 0, 12}});
      hub.add_xet_file("acme/next", "model.safetensors", {{x + 1, 0, 8}, {x + 2, 0, 4}});
      if (path.shared_store) {
        world.shared_store = cache::Cache::SharedStoreUse::write;
        world.disk.plant("/cache/xet/keep", "");
      }
    }
    void download() {
      clients.clear();
      for (auto const* const repo : path.repos) {
        clients.push_back(world.ensure(repo, "main", [&](auto& request) {
          if (path.into_folder) request.local_dir = folder;
          request.detach = path.detached;
        }));
        world.time.run_for(30s);
      }
    }
    /// Everybody was answered, with the files or with words.
    void all_answered() const {
      for (auto const& client : clients) {
        ASSERT_EQ(1, client->answers);
        ASSERT_TRUE(client->answer->has_value() || !client->answer->error().what.empty());
      }
    }
    void is_whole() {
      for (auto const* const repo : path.repos) {
        if (!path.into_folder) {
          ASSERT_EQ("", world.snapshot_problem(repo));
          continue;
        }
        for (auto const& [name, bytes] : world.hub.files(repo)) ASSERT_EQ(*bytes, world.disk.content(std::string(folder) + "/" + name)) << name;
      }
      ASSERT_EQ("", world.broken_promise());
    }
    void download_all() {
      download();
      world.time.run_for(6min);  // what was parked goes on
      for (auto const& client : clients) {
        ASSERT_EQ(1, client->answers);
        ASSERT_TRUE(client->answer->has_value()) << client->answer->error().what << "\n" << world.disk.log_text();
      }
      is_whole();
    }

    Path const& path;
    World world;
    std::vector<std::shared_ptr<World::Client>> clients;
  };

  /// Disk operations of one undisturbed life.
  static std::uint64_t operations_of(Path const& path) {
    Run run(path, 1);
    auto const started = run.world.start();
    EXPECT_TRUE(started);
    run.download_all();
    run.world.stop();
    return std::min(operations_max, run.world.disk.operations());
  }
};

TEST_P(EngineFault, AnyOperationMayFailOnce) {
  auto const count = operations_of(GetParam());
  ASSERT_GT(count, 60U);
  for (auto const kind : {ErrorKind::io, ErrorKind::disk_full}) {
    for (std::uint64_t n = 1; n <= count; n += every) {
      SCOPED_TRACE("operation " + std::to_string(n) + " fails with " + std::string(name_of(kind)));
      Run run(GetParam(), n);
      run.world.disk.fail_operation(n, kind);
      auto started = run.world.start();
      if (!started) {  // a disk that fails at the start may refuse it, in words
        ASSERT_FALSE(started.error().what.empty());
        run.world.stop();
        started = run.world.start();
      }
      ASSERT_TRUE(started) << started.error().what;
      run.download();
      run.all_answered();
      ASSERT_EQ("", run.world.broken_promise());
      run.world.disk.heal();  // a life that failed early had fewer operations
      run.download_all();
      run.world.stop();
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(EngineFault, AnyOperationMayBeTheLastOne) {
  auto const count = operations_of(GetParam());
  for (auto const loss : {Loss::none, Loss::some, Loss::all}) {
    for (std::uint64_t n = 1; n <= count; n += every) {
      SCOPED_TRACE("dies in operation " + std::to_string(n) + ", loss " + std::to_string(static_cast<int>(loss)));
      Run run(GetParam(), n);
      run.world.disk.crash_at(n);
      auto const first = run.world.start();
      if (first) run.download();
      run.world.crash(loss);
      ASSERT_EQ("", run.world.broken_promise()) << "after the reboot, before anything runs";
      auto const started = run.world.start();
      ASSERT_TRUE(started) << started.error().what << "\n" << run.world.disk.log_text();
      run.download_all();
      run.world.stop();
      ASSERT_EQ("", run.world.broken_promise());
      if (HasFatalFailure()) return;
    }
  }
}

/// Where it dies is drawn three times in a row, so that recoveries die too.
TEST_P(EngineFault, RecoveriesMayDieToo) {
  auto const count = operations_of(GetParam());
  for (std::uint64_t seed = 1; seed <= 200 / every; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Run run(GetParam(), seed);
    auto const dice = seeded_random(seed);
    for (int death = 0; death < 3; ++death) {
      run.world.disk.crash_at(1 + dice->next() % (death == 0 ? count : 60));
      auto const started = run.world.start();
      if (started) run.download();
      run.world.crash(static_cast<Loss>(dice->next() % 3));
      ASSERT_EQ("", run.world.broken_promise());
    }
    auto const started = run.world.start();
    ASSERT_TRUE(started) << started.error().what;
    run.download_all();
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, EngineFault,
                         testing::Values(Path{"plain", {"acme/one", "acme/two"}}, Path{"xet", {"acme/xet", "acme/next"}},
                                         Path{.name = "shared_store", .repos = {"acme/xet", "acme/next"}, .shared_store = true},
                                         Path{.name = "folder", .repos = {"acme/one", "acme/xet"}, .into_folder = true},
                                         Path{.name = "detached", .repos = {"acme/one", "acme/xet"}, .detached = true}),
                         [](auto const& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace hubd::sim
