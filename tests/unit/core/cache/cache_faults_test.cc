// SPDX-License-Identifier: Apache-2.0
// Publishing while the disk fails, the process dies or the power goes, at each step in turn.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/cache/cache.h"
#include "core/cache/scan.h"
#include "tests/support/sim_file_system.h"

namespace hubd::cache {
namespace {

using support::SimFileSystem;

constexpr std::uint64_t steps_max = 200;

/// A disk with a verified partial, a blob elsewhere, and an empty cache.
struct World {
  World() {
    disk.plant("/c/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    disk.plant("/state/partial", "");
    auto const partial = disk.open("/state/partial", fs::OpenMode::read_write).value();
    partial->write_at(0, as_bytes("verified")).value();  // not synced: publishing has to
    disk.plant("/other/blob", "another");
    Cache::Options options;
    options.root = "/c";
    cache = std::make_unique<Cache>(disk, *random, options, [] { return Result<void>(); });
  }

  /// One file as the engine publishes it; the first failure ends it.
  Result<void> publish() {
    auto const file = disk.open("/state/partial", fs::OpenMode::read_write);
    if (file) {  // else an earlier try came so far
      auto const blob = cache->publish_blob(repo, etag, "/state/partial", **file);
      if (!blob) return blob.error();
    }
    auto const linked = cache->link_blob(repo, other, "/other/blob", true);
    if (!linked) return linked.error();
    for (auto const& [path, content] : {std::pair("sub/a", etag), std::pair("b", other)}) {
      auto const pointed = cache->write_pointer(repo, commit, path, content);
      if (!pointed) return pointed;
    }
    auto const synced = cache->sync(repo, commit);
    if (!synced) return synced;
    return cache->write_ref(repo, "main", commit);
  }
  void look() {
    auto const seen = scan(disk, "/c");
    ASSERT_TRUE(seen) << seen.error().what;
    EXPECT_EQ(seen->warnings, std::vector<std::string>()) << disk.log_text();
    EXPECT_TRUE(seen->incomplete.empty());
    for (auto const& scanned : seen->repos)
      for (auto const& revision : scanned.revisions)
        for (auto const& file : revision.files)
          EXPECT_EQ(disk.content(file.pointer), file.path == "b" ? "another" : "verified") << disk.log_text();
  }
  /// The verified bytes are somewhere: in the partial, or published.
  bool holds_bytes() {
    return disk.content("/state/partial") == "verified" ||
           disk.content("/c/models--org--name/blobs/" + etag) == "verified";
  }
  std::size_t leftovers() {
    auto const names = disk.list("/c/.locks/models--org--name");
    return names ? names->size() : 0;
  }

  SimFileSystem disk;
  std::unique_ptr<Random> random = seeded_random(1);
  std::unique_ptr<Cache> cache;
  RepoRef const repo{"https://hub", RepoType::model, "org/name"};
  Commit const commit = *Commit::parse(std::string(40, '1'));
  std::string const etag = std::string(40, 'e');
  std::string const other = std::string(64, 'f');
};

class CacheFaults : public testing::TestWithParam<ErrorKind> {};

TEST_P(CacheFaults, AFailedStepIsToldAndTheNextTryCompletes) {
  for (std::uint64_t n = 1;; ++n) {
    ASSERT_LT(n, steps_max);
    SCOPED_TRACE(n);
    World world;
    world.disk.fail_operation(n, GetParam());
    auto const done = world.publish();
    EXPECT_TRUE(world.holds_bytes()) << world.disk.log_text();
    world.look();
    auto const log = world.disk.log();
    if (std::none_of(log.begin(), log.end(), [](auto const& entry) { return entry.failed; })) {
      EXPECT_TRUE(done);
      EXPECT_GT(n, 20U);
      return;
    }
    // What could not even be removed stays, where no stock tool looks.
    bool const removal = std::any_of(log.begin(), log.end(), [](auto const& entry) {
      return entry.failed && entry.operation == SimFileSystem::Operation::remove;
    });
    EXPECT_LE(world.leftovers(), removal ? 1U : 0U) << world.disk.log_text();
    if (done) continue;  // the step was one that does not matter
    EXPECT_EQ(done.error().kind, GetParam()) << done.error().what;
    auto const again = world.publish();
    EXPECT_TRUE(again) << again.error().what << "\n" << world.disk.log_text();
    world.look();
  }
}
INSTANTIATE_TEST_SUITE_P(EveryKind, CacheFaults,
                         testing::Values(ErrorKind::io, ErrorKind::disk_full, ErrorKind::permission_denied));

TEST(CacheCrashes, AtAnyStepLeaveNothingThatAStockScanShows) {
  for (std::uint64_t n = 1;; ++n) {
    ASSERT_LT(n, steps_max);
    SCOPED_TRACE(n);
    World world;
    world.disk.crash_at(n);
    auto const done = world.publish();
    bool const struck = world.disk.dead();
    world.disk.crash(SimFileSystem::Loss::none);
    EXPECT_TRUE(world.holds_bytes()) << world.disk.log_text();
    world.look();
    auto const again = world.publish();
    EXPECT_TRUE(again) << again.error().what << "\n" << world.disk.log_text();
    world.look();
    if (!struck) {
      EXPECT_TRUE(done);
      return;
    }
  }
}

TEST(CacheCrashes, WhatWasSyncedSurvivesLostPower) {
  for (auto const loss : {SimFileSystem::Loss::some, SimFileSystem::Loss::all}) {
    World world;
    ASSERT_TRUE(world.publish());
    world.disk.crash(loss);
    world.look();
    for (auto const* path : {"sub/a", "b"}) {
      auto const found = world.cache->find_file(world.repo, world.commit, path).value();
      ASSERT_TRUE(found) << path;
    }
    EXPECT_EQ(world.cache->read_ref(world.repo, "main").value(), world.commit);
  }
}

}  // namespace
}  // namespace hubd::cache
