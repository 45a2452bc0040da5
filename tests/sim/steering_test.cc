// SPDX-License-Identifier: Apache-2.0
// Callers that steer transfers: priorities, pause, resume, attach, deadlines.
#include <gtest/gtest.h>

#include <set>

#include "core/engine/insight.h"
#include "tests/sim/runs.h"
#include "tests/sim/world.h"

namespace hubd::sim {
namespace {

using Loss = support::SimFileSystem::Loss;
using namespace std::chrono_literals;

constexpr Principal kOwner{1000};
constexpr Bytes kSize = 6'000'000;

/// One repo of one large file and two small ones, slow enough to be looked at.
void fill(World& world, std::string const& repo = "acme/big", std::uint64_t number = 9) {
  world.hub.add_file(repo, "big.bin", kSize, number);
  world.hub.add_file(repo, "config.json", 100, number + 1000);
  world.hub.add_file(repo, "small.bin", 40'000, number + 2000);
  world.hub.bytes_per_ms = 200;
}

std::string only_transfer(World& world) {
  auto const transfers = world.engine->transfers(kOwner, false);
  EXPECT_EQ(1U, transfers.size());
  return transfers.empty() ? std::string() : transfers.front().id;
}

/// A transfer that moves since 3 s, and who waits for it.
struct Moving {
  explicit Moving(std::uint64_t seed) : world(seed, small_options()) {
    fill(world);
    EXPECT_TRUE(world.start());
    client = world.ensure("acme/big");
    world.time.run_for(3s);
    id = only_transfer(world);
  }
  World world;
  std::shared_ptr<World::Client> client;
  std::string id;
};

TEST(Steering, APausedTransferLetsGoOfEverythingAndGoesOnWhereItWas) {
  Moving moving(1);
  auto& [world, client, id] = moving;
  EXPECT_GT(world.disk.locks_held(), 0U);
  auto const paused = world.run(world.engine->pause(kOwner, id));
  ASSERT_TRUE(paused) << paused.error().what;
  EXPECT_EQ("paused", paused->state);
  EXPECT_EQ(0U, world.disk.locks_held());
  EXPECT_EQ(0U, world.hub.open);
  auto const before = world.hub.delivered;
  EXPECT_GT(before, 0U);
  auto const late = world.ensure("acme/big");
  world.time.run_for(1h);
  EXPECT_EQ(before, world.hub.delivered) << "nothing moves";
  EXPECT_FALSE(client->answer.has_value()) << "who waits goes on waiting";
  EXPECT_FALSE(late->answer.has_value());
  EXPECT_EQ(1U, world.engine->transfers(kOwner, false).size()) << "who asks for the same waits with the others";
  for (auto const& one : {client, late}) EXPECT_NE(std::string::npos, one->waited_for.find("paused by user 1000")) << one->waited_for;
  auto const resumed = world.run(world.engine->resume(kOwner, id));
  ASSERT_TRUE(resumed) << resumed.error().what;
  EXPECT_NE("paused", resumed->state);
  world.time.run_for(2min);
  for (auto const& one : {client, late}) ASSERT_TRUE(one->answer && one->answer->has_value()) << one->answer->error().what;
  EXPECT_FALSE(client->went_back);
  EXPECT_EQ("", world.snapshot_problem("acme/big"));
  EXPECT_EQ("", world.broken_promise());
  EXPECT_LE(world.hub.delivered, kSize + 40'100 + 4 * 64 * kib) << "what had come was kept";
}

TEST(Steering, APauseSurvivesACrashAndTheDeathOfWhoWaited) {
  for (auto const loss : {Loss::none, Loss::some, Loss::all}) {
    Moving moving(2);
    auto& [world, client, id] = moving;
    ASSERT_TRUE(world.run(world.engine->pause(kOwner, id)));
    world.leave(*client);
    world.time.run_for(1min);
    EXPECT_EQ(1U, world.engine->transfers(kOwner, false).size()) << "nobody waits, and it is kept";
    world.crash(loss);
    ASSERT_TRUE(world.start());
    auto const before = world.hub.delivered;
    world.time.run_for(10min);
    auto const transfers = world.engine->transfers(kOwner, false);
    ASSERT_EQ(1U, transfers.size());
    EXPECT_EQ(id, transfers.front().id);
    EXPECT_EQ("paused", transfers.front().state);
    EXPECT_EQ(before, world.hub.delivered);
    ASSERT_TRUE(world.run(world.engine->resume(kOwner, id)));
    world.time.run_for(2min);
    EXPECT_EQ("", world.snapshot_problem("acme/big"));
    // And what was resumed is not paused again by the next crash.
    world.stop();
    ASSERT_TRUE(world.start());
    EXPECT_TRUE(world.engine->transfers(kOwner, false).empty());
  }
}

TEST(Steering, WhatIsResumedGoesOnAlsoAfterACrash) {
  Moving moving(3);
  auto& [world, client, id] = moving;
  ASSERT_TRUE(world.run(world.engine->pause(kOwner, id)));
  ASSERT_TRUE(world.run(world.engine->resume(kOwner, id)));
  world.crash(Loss::all);
  ASSERT_TRUE(world.start());
  world.time.run_for(2min);
  EXPECT_EQ("", world.snapshot_problem("acme/big"));
}

TEST(Steering, OnlySoManyAreAtWorkAndWhoStandsInLineHoldsNothingAndIsNotForgotten) {
  for (auto const loss : {Loss::none, Loss::all}) {
    World world(17, small_options());
    for (std::uint64_t i = 0; i < 6; ++i) fill(world, "acme/big" + std::to_string(i), 20 + i);
    world.options.transfers_at_work = 2;
    ASSERT_TRUE(world.start());
    auto const left_alone = [](engine::EnsureRequest& request) { request.detach = true; };
    std::vector<std::shared_ptr<World::Client>> clients;
    for (int i = 0; i < 5; ++i) clients.push_back(world.ensure("acme/big" + std::to_string(i), "main", left_alone));
    world.time.run_for(3s);
    auto const locks = world.disk.locks_held();
    auto const late = world.ensure("acme/big5", "main", [&world](engine::EnsureRequest& request) {
      request.priority = sched::Priority::interactive;
      request.caller.deadline = world.time.now() + 2500ms;
    });
    world.time.run_for(3s);
    EXPECT_EQ(locks, world.disk.locks_held()) << "who stands in line holds no lock";
    int in_line = 0;
    for (auto const& info : world.engine->transfers(kOwner, false)) {
      bool const stands = info.progress.waiting_for == "a place: 2 transfers are at work";
      if (!stands) continue;
      ++in_line;
      EXPECT_EQ("waiting", info.state);
      auto const why = world.engine->why(kOwner, info.id);
      ASSERT_TRUE(why && why->waits.size() == 1);
      EXPECT_EQ(engine::Wait::Kind::place, why->waits.front().kind);
    }
    EXPECT_EQ(4, in_line);
    world.time.run_for(10s);
    ASSERT_TRUE(late->answer.has_value()) << "a deadline holds in the line too";
    EXPECT_EQ(ErrorKind::deadline_exceeded, late->answer->error().kind);
    EXPECT_NE(std::string::npos, late->answer->error().what.find("a place")) << late->answer->error().what;
    world.crash(loss);
    ASSERT_TRUE(world.start());
    world.time.run_for(10min);
    for (int i = 0; i < 5; ++i) EXPECT_EQ("", world.snapshot_problem("acme/big" + std::to_string(i)));
    EXPECT_TRUE(world.engine->transfers(kOwner, false).empty());
    EXPECT_EQ("", world.broken_promise());
  }
}

/// What was answered holds, though the process ends in that moment.
TEST(Steering, WhatIsSaidOfADetachedTransferIsKnownToARestart) {
  for (auto const loss : {Loss::none, Loss::all}) {
    World world(19, small_options());
    fill(world);
    ASSERT_TRUE(world.start());
    auto const client = world.ensure("acme/big", "main", [](engine::EnsureRequest& request) { request.detach = true; });
    client->on_started = [&world] { world.disk.crash_at(1); };  // nothing reaches the disk any more
    world.time.run_for(1s);
    ASSERT_FALSE(client->transfer.empty()) << "nobody was told that it began";
    world.crash(loss);
    ASSERT_TRUE(world.start());
    world.time.run_for(1s);
    EXPECT_EQ(client->transfer, only_transfer(world));

    ASSERT_TRUE(world.run(world.engine->cancel(kOwner, client->transfer)));
    world.crash(loss);
    ASSERT_TRUE(world.start());
    world.time.run_for(1s);
    EXPECT_TRUE(world.engine->transfers(kOwner, false).empty());
  }
}

TEST(Steering, ACallerThatWasQuickerThanARestartBringsWhatWasDetachedForGood) {
  World world(21, small_options());
  fill(world);
  ASSERT_TRUE(world.start());
  auto const client = world.ensure("acme/big", "main", [](engine::EnsureRequest& request) { request.detach = true; });
  world.time.run_for(3s);
  ASSERT_FALSE(client->transfer.empty());
  world.crash(Loss::none);
  ASSERT_TRUE(world.disk.remove_tree("/cache/hub/models--acme--big/trees"));  // so that it must ask for the listing
  world.hub.down = true;
  ASSERT_TRUE(world.start());
  world.time.run_for(20s);
  world.hub.down = false;
  world.hub.bytes_per_ms = 20;
  auto const quicker = world.ensure("acme/big");
  world.time.run_for(5s);
  ASSERT_FALSE(quicker->transfer.empty());
  ASSERT_NE(client->transfer, quicker->transfer) << "the one from before still waits for its listing";
  world.time.run_for(2s);
  for (int i = 0; i < 30 && only_transfer(world) == quicker->transfer && !world.engine->transfers(kOwner, false).front().detached; ++i) world.time.run_for(1s);
  world.time.run_for(1s);
  ASSERT_FALSE(quicker->answer.has_value());
  world.crash(Loss::none);
  ASSERT_TRUE(world.start());
  world.time.run_for(1s);
  EXPECT_EQ(quicker->transfer, only_transfer(world));
}

TEST(Steering, WhoDetachesATransferMayLeaveAtOnce) {
  for (auto const loss : {Loss::none, Loss::all}) {
    Moving moving(20);
    auto& [world, client, id] = moving;
    ASSERT_TRUE(world.run(world.engine->detach(kOwner, id)));
    world.crash(loss);
    ASSERT_TRUE(world.start());
    world.time.run_for(1s);
    EXPECT_EQ(id, only_transfer(world));
  }
}

TEST(Steering, APausedTransferCanBeCancelledAndIsGoneThen) {
  Moving moving(4);
  auto& [world, client, id] = moving;
  ASSERT_TRUE(world.run(world.engine->pause(kOwner, id)));
  ASSERT_TRUE(world.run(world.engine->cancel(kOwner, id)));
  world.time.run_for(5s);
  ASSERT_TRUE(client->answer && !client->answer->has_value());
  EXPECT_EQ(ErrorKind::cancelled, client->answer->error().kind);
  auto const again = world.run(world.engine->pause(kOwner, id));
  ASSERT_TRUE(again);
  EXPECT_EQ("cancelled", again->state) << "one that has ended stays as it is";
  world.crash(Loss::none);
  ASSERT_TRUE(world.start());
  EXPECT_TRUE(world.engine->transfers(kOwner, false).empty());
}

TEST(Steering, OnlyItsOwnPrincipalSteersATransfer) {
  Moving moving(5);
  auto& [world, client, id] = moving;
  constexpr Principal stranger{4711};
  for (auto const& result : {world.run(world.engine->pause(stranger, id)), world.run(world.engine->resume(stranger, id)),
                             world.run(world.engine->attach(stranger, id, std::nullopt, nullptr))}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(ErrorKind::entry_not_found, result.error().kind);
  }
  world.time.run_for(2min);
  EXPECT_TRUE(client->answer && client->answer->has_value());
}

TEST(Steering, AParkedTransferIsPausedAndThenNotTriedAgainByItself) {
  World world(6, small_options());
  fill(world);
  ASSERT_TRUE(world.start());
  auto const client = world.ensure("acme/big");
  world.time.run_for(3s);
  world.hub.down = true;
  world.time.run_for(5min);
  auto const id = only_transfer(world);
  ASSERT_EQ("parked", world.engine->transfers(kOwner, false).front().state);
  auto const paused = world.run(world.engine->pause(kOwner, id));
  ASSERT_TRUE(paused) << paused.error().what;
  EXPECT_EQ("paused", paused->state);
  world.hub.down = false;
  auto const requests = world.hub.requests;
  world.time.run_for(1h);
  EXPECT_EQ(requests, world.hub.requests);
  ASSERT_TRUE(world.run(world.engine->resume(kOwner, id)));
  world.time.run_for(2min);
  EXPECT_EQ("", world.snapshot_problem("acme/big"));
}

TEST(Steering, ResumeLetsAParkedTransferGoOnAtOnce) {
  World world(7, small_options());
  fill(world);
  ASSERT_TRUE(world.start());
  auto const client = world.ensure("acme/big");
  world.time.run_for(3s);
  world.hub.down = true;
  world.time.run_for(30min);
  world.hub.down = false;
  auto const id = only_transfer(world);
  ASSERT_TRUE(world.run(world.engine->resume(kOwner, id)));
  world.time.run_for(40s);
  EXPECT_EQ("", world.snapshot_problem("acme/big"));
}

TEST(Steering, WhoAttachesHoldsALeaseAndIsToldTheEnd) {
  Moving moving(8);
  auto& [world, client, id] = moving;
  std::optional<Result<engine::TransferInfo>> told;
  net::TaskGroup group(world.io.get_executor(), [](std::exception_ptr) { FAIL(); });
  auto const attach = [](engine::Engine& engine, std::string which, std::optional<Result<engine::TransferInfo>>& out) -> asio::awaitable<void> {
    auto attaching = engine.attach(kOwner, std::move(which), std::nullopt, nullptr);
    auto result = co_await std::move(attaching);
    out.emplace(std::move(result));
  };
  group.spawn("attached", attach(*world.engine, id, told));
  world.time.run_for(1s);
  EXPECT_EQ(2U, world.engine->transfer(kOwner, id)->leases);
  world.leave(*client);
  world.time.run_for(2min);
  ASSERT_TRUE(told && told->has_value()) << "it did not stop with its first caller";
  EXPECT_EQ("done", (*told)->state);
  EXPECT_EQ("", world.snapshot_problem("acme/big"));
  auto const after = world.run(world.engine->attach(kOwner, id, std::nullopt, nullptr));
  ASSERT_TRUE(after);
  EXPECT_EQ("done", after->state) << "one that has ended is told at once";
}

TEST(Steering, ADeadlineBoundsAlsoTheWaitForAPausedTransfer) {
  World world(9, small_options());
  fill(world);
  ASSERT_TRUE(world.start());
  auto const first = world.ensure("acme/big");
  world.time.run_for(3s);
  auto const id = only_transfer(world);
  ASSERT_TRUE(world.run(world.engine->pause(kOwner, id)));
  auto const asked = world.time.now();
  auto const client = world.ensure("acme/big", "main", [&](auto& request) { request.caller.deadline = asked + 30s; });
  auto const attached = world.run(world.engine->attach(kOwner, id, asked + 40s, nullptr));
  EXPECT_LE(world.time.now() - asked, 42s);
  ASSERT_TRUE(client->answer && !client->answer->has_value());
  ASSERT_FALSE(attached);
  for (auto const& error : {client->answer->error(), attached.error()}) {
    EXPECT_EQ(ErrorKind::deadline_exceeded, error.kind);
    EXPECT_NE(std::string::npos, error.what.find("paused by user 1000")) << error.what;
  }
  EXPECT_EQ("paused", world.engine->transfer(kOwner, id)->state) << "the transfer itself stays";
}

/// Bytes of each repo's file that came within a while, in which both wanted all there is.
std::map<std::string, Bytes> shares(World& world, Duration span) {
  std::map<std::string, Bytes> before;
  for (auto const& transfer : world.engine->transfers(kOwner, false)) before[transfer.repo.id] = transfer.bytes_fetched;
  world.time.run_for(span);
  std::map<std::string, Bytes> moved;
  for (auto const& transfer : world.engine->transfers(kOwner, false)) moved[transfer.repo.id] = transfer.bytes_fetched - before[transfer.repo.id];
  return moved;
}

TEST(Steering, PrioritiesShareTheBandwidthByTheirWeightsAndNobodyStarves) {
  World world(10, small_options());
  for (auto const* const repo : {"acme/back", "acme/norm", "acme/inter"})
    world.hub.add_file(repo, "big.bin", 24'000'000, static_cast<std::uint64_t>(repo[5]));
  world.options.tuning.bandwidth.always = 800'000;
  ASSERT_TRUE(world.start());
  auto const ask = [&](std::string const& repo, sched::Priority priority) {
    return world.ensure(repo, "main", [priority](auto& request) { request.priority = priority; });
  };
  auto const back = ask("acme/back", sched::Priority::background);
  auto const norm = ask("acme/norm", sched::Priority::normal);
  auto const inter = ask("acme/inter", sched::Priority::interactive);
  world.time.run_for(5s);
  auto const moved = shares(world, 20s);
  auto const of = [&](char const* repo) { return static_cast<double>(moved.at(repo)); };
  EXPECT_NEAR(4, of("acme/inter") / of("acme/norm"), 1) << of("acme/inter") << " " << of("acme/norm");
  EXPECT_NEAR(4, of("acme/norm") / of("acme/back"), 1.3) << of("acme/norm") << " " << of("acme/back");
  EXPECT_GT(of("acme/back"), 0);
}

TEST(Steering, PrioritiesShareTheConnectionsByTheirWeights) {
  World world(11, small_options());
  for (auto const* const repo : {"acme/back", "acme/inter"})
    for (std::uint64_t i = 0; i < 8; ++i)
      world.hub.add_file(repo, "part-" + std::to_string(i) + ".bin", 8'000'000, static_cast<std::uint64_t>(repo[5]) * 100 + i);
  world.hub.bytes_per_ms = 40;
  world.options.tuning.connections_per_host = 5;
  ASSERT_TRUE(world.start());
  auto const back = world.ensure("acme/back", "main", [](auto& request) { request.priority = sched::Priority::background; });
  world.time.run_for(10s);
  auto const alone = shares(world, 20s).at("acme/back");
  auto const inter = world.ensure("acme/inter", "main", [](auto& request) { request.priority = sched::Priority::interactive; });
  world.time.run_for(10s);
  auto const moved = shares(world, 60s);
  EXPECT_GE(moved.at("acme/inter"), 3 * moved.at("acme/back"));
  EXPECT_GT(moved.at("acme/back"), 0U);
  EXPECT_LT(moved.at("acme/back"), 3 * alone);
}

TEST(Steering, WhoJoinsWithAHigherPriorityRaisesItAlsoWhileBytesMoveAndOverARestart) {
  World world(12, small_options());
  for (auto const* const repo : {"acme/one", "acme/two"})
    world.hub.add_file(repo, "big.bin", 24'000'000, static_cast<std::uint64_t>(repo[5]));
  world.options.tuning.bandwidth.always = 800'000;
  ASSERT_TRUE(world.start());
  auto const ask = [&](std::string const& repo, sched::Priority priority) {
    return world.ensure(repo, "main", [priority](auto& request) {
      request.priority = priority;
      request.detach = true;
    });
  };
  auto const one = ask("acme/one", sched::Priority::background);
  auto const two = ask("acme/two", sched::Priority::background);
  world.time.run_for(5s);
  auto moved = shares(world, 10s);
  EXPECT_NEAR(1, static_cast<double>(moved["acme/one"]) / static_cast<double>(moved["acme/two"]), 0.2);
  auto const joined = ask("acme/one", sched::Priority::interactive);
  world.time.run_for(2s);
  moved = shares(world, 10s);
  EXPECT_GE(moved["acme/one"], 8 * moved["acme/two"]) << "16 to 1";
  auto const lower = ask("acme/one", sched::Priority::normal);
  world.time.run_for(1s);
  world.crash(Loss::all);
  ASSERT_TRUE(world.start());
  world.time.run_for(2s);
  for (auto const& transfer : world.engine->transfers(kOwner, false))
    EXPECT_EQ(transfer.repo.id == "acme/one" ? sched::Priority::interactive : sched::Priority::background, transfer.priority) << transfer.repo.id;
}

std::string kinds(engine::Why const& why) {
  std::string text;
  for (auto const& event : why.events) text += (text.empty() ? "" : " ") + std::string(engine::name_of(event.kind));
  return text;
}

Async<Bytes> read_in_place(engine::Engine& engine, engine::ContentRequest request) {
  auto asking = engine.content(std::move(request));
  auto const content = co_await std::move(asking);
  if (!content) co_return content.error();
  auto opening = (*content)->open({0, (*content)->size()});
  auto const stream = co_await std::move(opening);
  if (!stream) co_return stream.error();
  std::vector<std::byte> block(256 * kib);
  Bytes sum = 0;
  while (true) {
    auto const count = co_await (*stream)->read_some(block);
    if (!count) co_return count.error();
    if (*count == 0) co_return sum;
    sum += *count;
  }
}

TEST(Steering, WhatIsReadInPlaceStandsInTheSameLine) {
  World world(15, small_options());
  fill(world);
  world.hub.bytes_per_ms = 256 * kib;
  world.options.tuning.bandwidth.always = 1'000'000;
  ASSERT_TRUE(world.start());
  auto const asked = world.request("acme/big");
  engine::ContentRequest request{asked.caller, asked.repo, "main", "big.bin"};
  auto const begun = world.time.now();
  auto const read = world.run(read_in_place(*world.engine, std::move(request)));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(kSize, *read);
  EXPECT_GE(world.time.now() - begun, 5s);
}

TEST(Steering, WhyTellsWhatHappenedAndWhatIsWaitedFor) {
  Moving moving(13);
  auto& [world, client, id] = moving;
  auto why = world.engine->why(kOwner, id);
  ASSERT_TRUE(why);
  EXPECT_EQ(0U, kinds(*why).find("queued admitted")) << kinds(*why);
  EXPECT_NE(std::string::npos, kinds(*why).find("route")) << kinds(*why);
  EXPECT_EQ("running", why->transfer.state);
  EXPECT_TRUE(why->waits.empty());
  EXPECT_FALSE(world.engine->why({4711}, id)) << "somebody else's";

  ASSERT_TRUE(world.run(world.engine->pause(kOwner, id)));
  world.time.run_for(1min);
  why = world.engine->why(kOwner, id);
  ASSERT_EQ(1U, why->waits.size());
  EXPECT_EQ(engine::Wait::Kind::resume, why->waits[0].kind);
  EXPECT_EQ("user 1000", why->waits[0].holder);
  EXPECT_GE(world.time.wall() - why->waits[0].since, 60s);
  ASSERT_TRUE(world.run(world.engine->resume(kOwner, id)));

  world.hub.down = true;
  world.time.run_for(10s);
  why = world.engine->why(kOwner, id);
  ASSERT_FALSE(why->waits.empty());
  EXPECT_EQ(engine::Wait::Kind::upstream, why->waits[0].kind);
  EXPECT_EQ("big.bin", why->waits[0].file);
  EXPECT_EQ("hub.sim:443", why->waits[0].host);
  EXPECT_EQ("plain", why->waits[0].route);
  EXPECT_NE("", why->waits[0].what);
  world.time.run_for(5min);
  why = world.engine->why(kOwner, id);
  EXPECT_EQ("parked", why->transfer.state);
  ASSERT_EQ(1U, why->waits.size());
  EXPECT_EQ(engine::Wait::Kind::next_try, why->waits[0].kind);
  EXPECT_NE(std::string::npos, why->waits[0].what.find("hub.sim")) << why->waits[0].what;
  EXPECT_NE(std::string::npos, kinds(*why).find("parked")) << "its story goes on over a parking: " << kinds(*why);
  EXPECT_LE(why->events.size(), 10U);
  world.hub.down = false;
  ASSERT_TRUE(world.run(world.engine->resume(kOwner, id)));
  world.time.run_for(2min);
  why = world.engine->why(kOwner, id);
  EXPECT_EQ("done", why->transfer.state);
  EXPECT_TRUE(why->waits.empty());
  EXPECT_EQ(engine::TransferEvent::Kind::ended, why->events.back().kind);
  EXPECT_NE(std::string::npos, kinds(*why).find("published")) << kinds(*why);
}

TEST(Steering, WhyNamesTheBudgetThatIsUsedUp) {
  World world(14, small_options());
  for (auto const* const repo : {"acme/one", "acme/two"})
    world.hub.add_file(repo, "big.bin", 24'000'000, static_cast<std::uint64_t>(repo[5]));
  world.hub.bytes_per_ms = 20;
  world.options.tuning.connections_per_host = 1;
  ASSERT_TRUE(world.start());
  auto const one = world.ensure("acme/one");
  auto const two = world.ensure("acme/two");
  world.time.run_for(5s);
  std::set<engine::Wait::Kind> seen;
  auto const look = [&] {
    for (auto const& transfer : world.engine->transfers(kOwner, false)) {
      auto const why = world.engine->why(kOwner, transfer.id);
      ASSERT_TRUE(why);
      for (auto const& wait : why->waits) {
        seen.insert(wait.kind);
        EXPECT_LE(wait.since, world.time.wall());
      }
    }
  };
  look();
  EXPECT_TRUE(seen.contains(engine::Wait::Kind::connection));
  auto const overview = world.engine->overview(kOwner);
  EXPECT_EQ(2U, overview.transfers.size());
  EXPECT_EQ(1U, overview.budgets.connections);
  EXPECT_GT(overview.budgets.connections_waiting, 0U);
  ASSERT_EQ(1U, overview.budgets.hosts.size());
  EXPECT_EQ("hub.sim:443", overview.budgets.hosts[0].first);
  EXPECT_TRUE(world.engine->overview({4711}).transfers.empty());
  auto tuning = world.options.tuning;
  tuning.connections_per_host = 8;
  tuning.bandwidth.always = 100'000;
  world.hub.bytes_per_ms = 256 * kib;
  world.engine->tune(tuning);
  for (int i = 0; i < 50; ++i) {
    world.time.run_for(100ms);
    look();
  }
  EXPECT_TRUE(seen.contains(engine::Wait::Kind::bandwidth));
  EXPECT_EQ(100'000U, world.engine->overview(kOwner).budgets.bandwidth_max.value_or(0));
}

TEST(Steering, AnySteeringAtAnyMomentKeepsEveryPromise) {
  for (auto const seed : seeds_to_run(12)) {
    SCOPED_TRACE("replay with HUBD_SEED=" + std::to_string(seed));
    World world(seed, small_options());
    fill(world);
    world.hub.add_xet_file("acme/xet", "model.safetensors", {{1, 0, 24}, {2, 0, 24}});
    world.hub.add_file("acme/other", "same.bin", kSize, 9);
    world.hub.bytes_per_ms = 2000;
    world.hub.faults.cut = seed % 3 == 0 ? 5 : 0;
    auto const random = seeded_random(seed);
    ASSERT_TRUE(world.start());
    std::vector<std::shared_ptr<World::Client>> clients;
    unsigned crashes = 0;
    for (int step = 0; step < 40; ++step) {
      auto const dice = random->next() % 100;
      auto const transfers = world.engine->transfers(kOwner, false);
      auto const some = transfers.empty() ? std::string("none") : transfers[random->next() % transfers.size()].id;
      if (dice < 20) {
        char const* const repos[] = {"acme/big", "acme/xet", "acme/other"};
        clients.push_back(world.ensure(repos[random->next() % 3], "main", [&](auto& request) {
          request.detach = random->next() % 2 == 0;
          request.priority = static_cast<sched::Priority>(random->next() % 3);
        }));
      } else if (dice < 50) {
        auto const paused = world.run(world.engine->pause(kOwner, some));
        bool const all_rest = transfers.size() == 1 && paused && paused->state == "paused";
        EXPECT_TRUE(!all_rest || world.disk.locks_held() == 0);
      } else if (dice < 75) {
        (void)world.run(world.engine->resume(kOwner, some));
      } else if (dice < 80 && !clients.empty()) {
        world.leave(*clients[random->next() % clients.size()]);
      } else if (dice < 84 && crashes < 2) {
        ++crashes;
        world.crash(Loss::none);
        ASSERT_TRUE(world.start());
        clients.clear();
      }
      world.time.run_for(std::chrono::milliseconds(random->next() % 800));
      EXPECT_EQ("", world.broken_promise());
    }
    for (auto const& transfer : world.engine->transfers(kOwner, false)) (void)world.run(world.engine->resume(kOwner, transfer.id));
    world.hub.faults = {};
    std::vector<std::shared_ptr<World::Client>> last;
    for (auto const* const repo : {"acme/big", "acme/xet", "acme/other"}) last.push_back(world.ensure(repo));
    world.time.run_for(10min);
    for (auto const& client : last) ASSERT_TRUE(client->answer && client->answer->has_value()) << (client->answer ? client->answer->error().what : "it hangs");
    for (auto const& client : clients) {
      EXPECT_EQ(1, client->answers);
      EXPECT_FALSE(client->went_back);
    }
    for (auto const* const repo : {"acme/big", "acme/xet", "acme/other"}) EXPECT_EQ("", world.snapshot_problem(repo));
    EXPECT_TRUE(world.engine->transfers(kOwner, false).empty());
    EXPECT_EQ(0U, world.disk.locks_held());
  }
}

}  // namespace
}  // namespace hubd::sim
