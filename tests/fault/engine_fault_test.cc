// SPDX-License-Identifier: Apache-2.0
// Every disk operation of a download, from admission to publish, fails once, and is once the last one of the process.
#include <gtest/gtest.h>

#include "tests/sim/world.h"

namespace hubd::sim {
namespace {

using Loss = support::SimFileSystem::Loss;
using namespace std::chrono_literals;

constexpr std::uint64_t operations_max = 500;

engine::Options options() {
  engine::Options options;
  options.range_size = 512 * 1024;
  options.tuning.connections_per_file = 2;
  options.tuning.free_floor = 0;
  return options;
}

void fill(SimHub& hub) {
  hub.add_file("acme/one", "config.json", 100, 1);
  hub.add_file("acme/one", "sub/model.bin", 1'300'000, 2);
  hub.add_file("acme/two", "same.bin", 1'300'000, 2);
}

/// Disk operations of one undisturbed download of both repos.
std::uint64_t operations_of_a_download() {
  World world(1, options());
  fill(world.hub);
  EXPECT_TRUE(world.start());
  auto const before = world.disk.operations();
  auto const one = world.ensure("acme/one");
  world.time.run_for(30s);
  auto const two = world.ensure("acme/two");
  world.time.run_for(30s);
  EXPECT_TRUE(one->answer && one->answer->has_value());
  EXPECT_TRUE(two->answer && two->answer->has_value());
  return world.disk.operations() - before;
}

void both_are_whole(World& world) {
  auto const one = world.ensure("acme/one");
  auto const two = world.ensure("acme/two");
  world.time.run_for(60s);
  for (auto const& client : {one, two}) {
    ASSERT_EQ(1, client->answers);
    ASSERT_TRUE(client->answer->has_value()) << client->answer->error().what << "\n" << world.disk.log_text();
  }
  ASSERT_EQ("", world.snapshot_problem("acme/one"));
  ASSERT_EQ("", world.snapshot_problem("acme/two"));
  ASSERT_EQ("", world.broken_promise());
}

TEST(EngineFault, AnyOperationMayFailOnce) {
  auto const count = std::min(operations_max, operations_of_a_download());
  ASSERT_GT(count, 30U);
  for (auto const kind : {ErrorKind::io, ErrorKind::disk_full}) {
    for (std::uint64_t n = 1; n <= count; ++n) {
      SCOPED_TRACE("operation " + std::to_string(n) + " fails with " + std::string(name_of(kind)));
      World world(1, options());
      fill(world.hub);
      ASSERT_TRUE(world.start());
      world.disk.fail_operation(n, kind);
      auto const one = world.ensure("acme/one");
      world.time.run_for(30s);
      auto const two = world.ensure("acme/two");
      world.time.run_for(30s);
      for (auto const& client : {one, two}) {
        ASSERT_EQ(1, client->answers);
        if (!client->answer->has_value()) {
          ASSERT_FALSE(client->answer->error().what.empty());
        }
      }
      ASSERT_EQ("", world.broken_promise());
      both_are_whole(world);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(EngineFault, AnyOperationMayBeTheLastOne) {
  auto const count = std::min(operations_max, operations_of_a_download());
  for (auto const loss : {Loss::none, Loss::some, Loss::all}) {
    for (std::uint64_t n = 1; n <= count; ++n) {
      SCOPED_TRACE("dies in operation " + std::to_string(n) + ", loss " + std::to_string(static_cast<int>(loss)));
      World world(n, options());
      fill(world.hub);
      ASSERT_TRUE(world.start());
      world.disk.crash_at(n);
      auto const one = world.ensure("acme/one");
      world.time.run_for(30s);
      auto const two = world.ensure("acme/two");
      world.time.run_for(30s);
      world.crash(loss);
      ASSERT_EQ("", world.broken_promise()) << "after the reboot, before anything runs";
      auto const started = world.start();
      ASSERT_TRUE(started) << started.error().what;
      both_are_whole(world);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace hubd::sim
