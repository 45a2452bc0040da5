// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/sim/runs.h"
#include "tests/sim/world.h"

namespace hubd::sim {
namespace {

using Run = SimHub::Run;
using namespace std::chrono_literals;

#ifdef __OPTIMIZE__
constexpr std::uint64_t seeds = 100;
#else
constexpr std::uint64_t seeds = 15;  // under sanitizers
#endif
constexpr std::size_t revisions = 8;
constexpr std::size_t clients_per_round = 16;

std::string repo_of(std::size_t revision) { return "acme/rev" + std::to_string(revision); }

/// The chunks [at, at + count) of a file, counted over its runs, become `put`.
std::vector<Run> replaced(std::vector<Run> const& file, std::uint32_t at, std::uint32_t count, std::vector<Run> const& put) {
  std::vector<Run> out;
  std::uint32_t seen = 0;
  bool is_put = false;
  for (auto const& run : file) {
    auto const length = run.end - run.first;
    auto const before = std::min(run.end, run.first + (at > seen ? at - seen : 0));
    auto const after = std::max(run.first, run.first + std::min(length, at + count > seen ? at + count - seen : 0));
    if (before > run.first) out.push_back({run.xorb, run.first, before});
    if (!is_put && seen + length > at) {
      out.insert(out.end(), put.begin(), put.end());
      is_put = true;
    }
    if (std::max(before, after) < run.end) out.push_back({run.xorb, std::max(before, after), run.end});
    seen += length;
  }
  return out;
}

/// Revisions of a model, each made from one before it: runs that were changed, inserted, left out, moved.
std::vector<std::vector<Run>> make_revisions(Random& random) {
  auto const roll = [&](std::uint64_t sides) { return static_cast<std::uint32_t>(random.next() % sides); };
  std::vector<std::vector<Run>> files{{{201, 0, 24}, {202, 0, 24}, {203, 0, 24}, {204, 0, 24}}};
  std::uint64_t fresh = 210;
  while (files.size() < revisions) {
    auto file = files[roll(files.size())];
    for (auto edits = 1 + roll(2); edits > 0; --edits) {
      std::uint32_t length = 0;
      for (auto const& run : file) length += run.end - run.first;
      auto const at = roll(length);
      auto const count = 1 + roll(12);
      auto const from = roll(12);
      std::vector<Run> const put{{fresh, from, from + count}};
      switch (roll(4)) {
        case 0: file = replaced(file, at, count, put); break;
        case 1: file = replaced(file, at, 0, put); break;
        case 2: file = replaced(file, at, std::min(count, length - 20), {}); break;
        default: std::rotate(file.begin(), file.begin() + roll(file.size()), file.end()); break;
      }
      if (roll(2) == 0) ++fresh;
    }
    files.push_back(std::move(file));
  }
  return files;
}

/// Clients that want overlapping revisions come in random order, and some of them leave; then all are wanted once more.
void run_round(std::uint64_t seed) {
  World world(seed, small_options());
  auto const dice = seeded_random(seed * 7'368'787);
  auto const roll = [&](std::uint64_t sides) { return dice->next() % sides; };
  std::set<std::pair<std::uint64_t, std::uint32_t>> distinct;
  auto const files = make_revisions(*dice);
  for (std::size_t i = 0; i < files.size(); ++i) {
    world.hub.add_xet_file(repo_of(i), "model.safetensors", files[i]);
    for (auto const& run : files[i])
      for (auto chunk = run.first; chunk < run.end; ++chunk) distinct.emplace(run.xorb, chunk);
  }
  world.hub.bytes_per_ms = Bytes{64} << roll(8);
  ASSERT_TRUE(world.start());
  std::vector<std::shared_ptr<World::Client>> waiting;
  Bytes cut = 0;  // what a leaving client's connections may have held of one record each
  for (std::size_t i = 0; i < clients_per_round; ++i) {
    waiting.push_back(world.ensure(repo_of(roll(revisions))));
    world.time.run_for(std::chrono::milliseconds(roll(400)));
    if (roll(3) != 0) continue;
    auto const leaver = waiting.begin() + static_cast<std::ptrdiff_t>(roll(waiting.size()));
    world.leave(**leaver);
    waiting.erase(leaver);
    cut += small_options().tuning.connections_per_file * 128 * kib;
  }
  world.time.run_for(2min);
  for (auto const& client : waiting) {
    ASSERT_EQ(1, client->answers);
    ASSERT_TRUE(client->answer->has_value()) << client->answer->error().what;
  }
  waiting.clear();
  for (std::size_t i = 0; i < revisions; ++i) waiting.push_back(world.ensure(repo_of(i)));
  world.time.run_for(2min);
  for (auto const& client : waiting) ASSERT_TRUE(client->answer && client->answer->has_value());
  for (std::size_t i = 0; i < revisions; ++i) ASSERT_EQ("", world.snapshot_problem(repo_of(i)));
  ASSERT_EQ("", world.broken_promise());
  ASSERT_EQ(0U, world.hub.resolves) << "something came by the plain route";

  Bytes all = 0;
  Bytes again = 0;
  for (auto const& [chunk, times] : world.hub.chunks_taken) {
    ASSERT_TRUE(distinct.contains(chunk));
    auto const size = world.hub.size_of({chunk.first, chunk.second, chunk.second + 1});
    all += size;
    again += (times - 1) * size;
  }
  auto const bridged = world.engine->totals().bytes_bridged;
  EXPECT_EQ(distinct.size(), world.hub.chunks_taken.size());
  EXPECT_LE(again, bridged) << "chunks were fetched again, and not to bridge a gap";
  EXPECT_LE(bridged, all / 50);
  EXPECT_LE(world.hub.delivered, all + again + distinct.size() * 8 + cut);
}

TEST(XetRevisionsSim, ManyClientsOfOverlappingRevisionsFetchEachChunkOnce) {
  for (auto const seed : seeds_to_run(seeds)) {
    SCOPED_TRACE("replay with HUBD_SEED=" + std::to_string(seed));
    run_round(seed);
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace hubd::sim
