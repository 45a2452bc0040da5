// SPDX-License-Identifier: Apache-2.0
// Somebody sets the time of day by years, either way: what hubd promises by time goes by the steady clock.
#include <gtest/gtest.h>

#include "tests/sim/runs.h"
#include "tests/sim/world.h"

namespace hubd::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto years = 5 * 365 * 24h;

class ClockJump : public testing::TestWithParam<int> {
 protected:
  void jump(World& world) { world.time.set_wall(GetParam() * years); }
};

TEST_P(ClockJump, AnEmptyWindowOpensWhenItsServerSaidSo) {
  World world(31, small_options());
  for (std::uint64_t i = 0; i < 12; ++i) world.hub.add_file("acme/many", "part-" + std::to_string(i) + ".bin", 30'000, 100 + i);
  world.hub.window = {10, 20s};
  ASSERT_TRUE(world.start());
  auto const client = world.ensure("acme/many");
  world.time.run_for(5s);
  ASSERT_FALSE(client->answer) << "it waits for the window";
  jump(world);
  world.time.run_for(10s);
  EXPECT_FALSE(client->answer) << "the window is not over because somebody says that it is another year";
  world.time.run_for(30s);
  ASSERT_TRUE(client->answer && client->answer->has_value());
  EXPECT_EQ(0U, world.hub.into_the_empty);
}

TEST_P(ClockJump, ABranchIsAsOldAsItIs) {
  World world(32, small_options());
  world.hub.add_file("acme/one", "config.json", 100, 1);
  ASSERT_TRUE(world.start());
  auto const first = world.ensure("acme/one");
  world.time.run_for(5s);
  ASSERT_TRUE(first->answer && first->answer->has_value());
  auto const asked = world.hub.requests;
  jump(world);
  auto const again = world.ensure("acme/one");
  world.time.run_for(5s);
  ASSERT_TRUE(again->answer && again->answer->has_value());
  EXPECT_EQ(asked, world.hub.requests) << "ten seconds old, whatever the year";
  world.time.run_for(30s);
  auto const later = world.ensure("acme/one");
  world.time.run_for(5s);
  ASSERT_TRUE(later->answer && later->answer->has_value());
  EXPECT_EQ(asked + 1, world.hub.requests) << "and after half a minute it is asked again";
}

TEST_P(ClockJump, WhatIsParkedGoesOnAndKeepsItsBytes) {
  World world(33, small_options());
  world.hub.add_file("acme/big", "big.bin", 6'000'000, 9);
  world.hub.bytes_per_ms = 1000;
  ASSERT_TRUE(world.start());
  auto const client = world.ensure("acme/big");
  world.time.run_for(1s);
  world.hub.down = true;
  world.time.run_for(3min);
  ASSERT_TRUE(client->answer && !client->answer->has_value());
  ASSERT_EQ(1U, world.engine->transfers({1000}, false).size()) << "parked";
  jump(world);
  world.time.run_for(10min);
  ASSERT_EQ(1U, world.engine->transfers({1000}, false).size()) << "not given up for its age";
  world.hub.down = false;
  world.time.run_for(6min);
  EXPECT_EQ("", world.snapshot_problem("acme/big"));
  EXPECT_LE(world.hub.delivered, Bytes{6'000'000} + 8 * 1024 * kib);
}

TEST_P(ClockJump, ARestartInAnotherYearStillHasTheBytes) {
  World world(34, small_options());
  world.hub.add_file("acme/big", "big.bin", 6'000'000, 9);
  world.hub.bytes_per_ms = 1000;
  ASSERT_TRUE(world.start());
  world.ensure("acme/big");
  world.time.run_for(1s);
  auto const before = world.hub.delivered;
  ASSERT_GT(before, 1'000'000U);
  ASSERT_LT(before, 5'000'000U);
  world.stop();
  jump(world);
  ASSERT_TRUE(world.start());
  auto const client = world.ensure("acme/big");
  world.time.run_for(2min);
  ASSERT_TRUE(client->answer && client->answer->has_value()) << client->answer->error().what;
  EXPECT_LE(world.hub.delivered, Bytes{6'000'000} + 8 * 64 * kib) << "its age, years, says more about the clock";
}

TEST_P(ClockJump, OneXetTokenServesAllFilesOfARepo) {
  World world(35, small_options());
  for (int i = 0; i < 6; ++i) world.hub.add_xet_file("acme/xet", "part-" + std::to_string(i) + ".safetensors", {{static_cast<std::uint64_t>(1 + i), 0, 24}});
  world.hub.bytes_per_ms = 200;
  ASSERT_TRUE(world.start());
  auto const client = world.ensure("acme/xet");
  world.time.run_for(1s);
  jump(world);
  world.time.run_for(3min);
  ASSERT_TRUE(client->answer && client->answer->has_value()) << client->answer->error().what;
  EXPECT_EQ("", world.snapshot_problem("acme/xet"));
  EXPECT_EQ(1U, world.hub.xet_tokens);
}

TEST_P(ClockJump, AddressesThatAreOverAreAskedAnewNotGivenUp) {
  World world(36, small_options());
  world.hub.add_file("acme/big", "big.bin", 6'000'000, 9);
  world.hub.faults.expire = 20;
  ASSERT_TRUE(world.start());
  auto const client = world.ensure("acme/big");
  world.time.run_for(1s);
  jump(world);
  world.time.run_for(5min);
  ASSERT_TRUE(client->answer && client->answer->has_value()) << client->answer->error().what;
  EXPECT_EQ("", world.snapshot_problem("acme/big"));
}

INSTANTIATE_TEST_SUITE_P(ByYears, ClockJump, testing::Values(1, -1, 40, -2));

}  // namespace
}  // namespace hubd::sim
