// SPDX-License-Identifier: Apache-2.0
#include "core/engine/ledger.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/engine/journal.h"
#include "core/engine/recovery.h"
#include "tests/support/sim_file_system.h"
#include "tests/support/sim_sqlite.h"

namespace hubd::engine {
namespace {

std::string const etag(64, 'a');
std::string const other(64, 'b');

class Folder {
 public:
  Folder() {
    std::string pattern = "/tmp/hubd-ledger-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  std::string path_;
};

fs::Stat stat_of(std::uint64_t inode, Bytes size = 10, std::int64_t mtime = 1000) {
  fs::Stat stat;
  stat.type = fs::Stat::Type::regular;
  stat.device = 1;
  stat.inode = inode;
  stat.size = size;
  stat.mtime_ns = mtime;
  return stat;
}

TEST(Ledger, KnowsWhatAFileIsAndDoesNotMixKindsOfIds) {
  support::SimFileSystem files;
  auto const ledger = Ledger::open(files, ":memory:");
  ASSERT_TRUE(ledger);
  EXPECT_EQ("", (*ledger)->content_of(stat_of(1)));
  (*ledger)->record(stat_of(1), etag, true, "/data/a");
  EXPECT_EQ(etag, (*ledger)->content_of(stat_of(1)));
  EXPECT_EQ("", (*ledger)->content_of(stat_of(1, 10, 2000))) << "it was written to since";
  EXPECT_EQ(Ledger::Verdict::wrong, (*ledger)->look(stat_of(1), other));
  EXPECT_EQ(Ledger::Verdict::unknown, (*ledger)->look(stat_of(1), std::string(40, 'c'))) << "a SHA-256 says nothing about a git blob id";
  (*ledger)->record(stat_of(2), other, false, "/data/b");
  EXPECT_EQ("", (*ledger)->content_of(stat_of(2)));
}

TEST(Ledger, BelievesOnlyTheVeryBytesThatWereHashed) {
  auto const files = fs::system_files();
  auto const ledger = Ledger::open(*files, ":memory:");
  ASSERT_TRUE(ledger) << ledger.error().what;
  EXPECT_EQ(Ledger::Verdict::unknown, (*ledger)->look(stat_of(5), etag));
  (*ledger)->record(stat_of(5), etag, true, "/a");
  EXPECT_EQ(Ledger::Verdict::verified, (*ledger)->look(stat_of(5), etag));
  EXPECT_EQ(Ledger::Verdict::wrong, (*ledger)->look(stat_of(5), other));
  EXPECT_EQ(Ledger::Verdict::edited, (*ledger)->look(stat_of(5, 11), etag));
  EXPECT_EQ(Ledger::Verdict::edited, (*ledger)->look(stat_of(5, 10, 1001), etag));
  (*ledger)->record(stat_of(5, 10, 1001), etag, false, "/a");
  EXPECT_EQ(Ledger::Verdict::wrong, (*ledger)->look(stat_of(5, 10, 1001), etag));
}

TEST(Ledger, HoldersAreTheVerifiedPlacesNewestFirst) {
  auto const files = fs::system_files();
  auto const ledger = Ledger::open(*files, ":memory:");
  ASSERT_TRUE(ledger);
  (*ledger)->record(stat_of(1), etag, true, "/a");
  (*ledger)->record(stat_of(2), etag, true, "/b");
  (*ledger)->record(stat_of(3), etag, false, "/wrong");
  EXPECT_EQ((std::vector<std::string>{"/b", "/a"}), (*ledger)->holders(etag));
  (*ledger)->record(stat_of(1), etag, true, "/a");
  EXPECT_EQ("/a", (*ledger)->holders(etag).front());
  (*ledger)->forget(etag, "/a");
  EXPECT_EQ((std::vector<std::string>{"/b"}), (*ledger)->holders(etag));
  EXPECT_TRUE((*ledger)->holders(other).empty());
}

TEST(Ledger, SurvivesReopeningAndAFileThatIsNoDatabase) {
  auto const files = fs::system_files();
  Folder const folder;
  auto const path = folder.path() + "/content.db";
  {
    auto const ledger = Ledger::open(*files, path);
    ASSERT_TRUE(ledger);
    (*ledger)->record(stat_of(5), etag, true, "/a");
  }
  {
    auto const ledger = Ledger::open(*files, path);
    ASSERT_TRUE(ledger);
    EXPECT_EQ(Ledger::Verdict::verified, (*ledger)->look(stat_of(5), etag));
  }
  std::filesystem::remove(path + "-wal");
  std::ofstream(path, std::ios::trunc) << std::string(8192, 'x');
  auto const anew = Ledger::open(*files, path);
  ASSERT_TRUE(anew) << anew.error().what;
  EXPECT_EQ(Ledger::Verdict::unknown, (*anew)->look(stat_of(5), etag));
}

TEST(Ledger, NeverKnowsBytesWithoutAPlaceWhereverItsDiskFails) {
  enum class Fault : std::uint8_t { full, power };
  for (auto const fault : {Fault::full, Fault::power}) {
    std::uint64_t n = 0;
    for (bool struck = true; struck;) {
      ++n;
      support::SimFileSystem disk;
      disk.plant("/state/keep", "");
      support::SimSqlite const databases(disk);
      {
        auto const ledger = Ledger::open(disk, "/state/content.db");
        ASSERT_TRUE(ledger) << ledger.error().what;
        auto const before = disk.operations();
        if (fault == Fault::full)
          disk.fail_operation(n, ErrorKind::disk_full);
        else
          disk.crash_at(n);
        (*ledger)->record(stat_of(5), etag, true, "/a");
        struck = disk.operations() >= before + n;
      }
      if (fault == Fault::power) disk.crash(support::SimFileSystem::Loss::none);
      disk.heal();
      auto const ledger = Ledger::open(disk, "/state/content.db");
      ASSERT_TRUE(ledger) << ledger.error().what;
      bool const known = (*ledger)->look(stat_of(5), etag) == Ledger::Verdict::verified;
      EXPECT_FALSE(known && (*ledger)->holders(etag).empty()) << "disk operation " << n << "\n" << disk.log_text();
      (*ledger)->record(stat_of(5), etag, true, "/a");
      EXPECT_EQ(Ledger::Verdict::verified, (*ledger)->look(stat_of(5), etag));
    }
    EXPECT_LT(2U, n) << "the disk's faults did not reach the database";
  }
}

TEST(Journal, KeepsWhatIsWantedAcrossReopening) {
  Folder const folder;
  auto const path = folder.path() + "/transfers.db";
  Journal::Row row;
  row.id = "t1";
  row.principal.uid = 1000;
  row.repo = {"https://hub", RepoType::dataset, "ns/name"};
  row.revision = "main";
  row.commit = std::string(40, 'c');
  row.paths = {"a.bin", "with\nbreak", "back\\slash\\n", ""};
  row.local_dir = "/here";
  row.created = WallTime(std::chrono::milliseconds(1'700'000'000'123));
  {
    auto const journal = Journal::open(path);
    ASSERT_TRUE(journal) << journal.error().what;
    ASSERT_TRUE((*journal)->put(row));
    ASSERT_TRUE((*journal)->set_detached("t1"));
  }
  auto const journal = Journal::open(path);
  ASSERT_TRUE(journal);
  auto const rows = (*journal)->all();
  ASSERT_TRUE(rows);
  ASSERT_EQ(1U, rows->size());
  auto const& back = rows->front();
  EXPECT_EQ(row.paths, back.paths);
  EXPECT_EQ(row.repo, back.repo);
  EXPECT_EQ(row.principal, back.principal);
  EXPECT_EQ(row.commit, back.commit);
  EXPECT_EQ(row.local_dir, back.local_dir);
  EXPECT_EQ(row.created, back.created);
  EXPECT_TRUE(back.detached);
  ASSERT_TRUE((*journal)->remove("t1"));
  EXPECT_TRUE((*journal)->all()->empty());
}

TEST(Journal, OfANewerHubdIsRefused) {
  Folder const folder;
  auto const path = folder.path() + "/transfers.db";
  {
    static constexpr char const* many[] = {"CREATE TABLE a(x)", "CREATE TABLE b(x)", "CREATE TABLE c(x)", "CREATE TABLE d(x)"};
    db::Database::Options options;
    options.path = path;
    options.migrations = many;
    ASSERT_TRUE(db::Database::open(options));
  }
  auto const journal = Journal::open(path);
  ASSERT_FALSE(journal);
  EXPECT_EQ(ErrorKind::not_supported, journal.error().kind);
}

TEST(Recovery, SweepsHalvesOldOnesAndWhatIsPublished) {
  support::SimFileSystem disk;
  auto const ledger = Ledger::open(disk, ":memory:");
  ASSERT_TRUE(ledger);
  auto const name = [](char digit, char const* suffix) { return "/state/partials/" + std::string(64, digit) + suffix; };
  for (char const digit : {'a', 'b'}) {
    disk.plant(name(digit, ".partial"), "x");
    disk.plant(name(digit, ".map"), "x");
  }
  disk.plant(name('c', ".partial"), "x");
  disk.plant(name('d', ".map"), "x");
  disk.plant("/cache/blob", "0123456789");
  auto const blob = disk.stat("/cache/blob");
  ASSERT_TRUE(blob);
  (*ledger)->record(*blob, std::string(64, 'b'), true, "/cache/blob");
  auto const stat = disk.lstat(name('a', ".partial"));
  ASSERT_TRUE(stat);
  WallTime const soon(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(stat->mtime_ns)));
  ASSERT_TRUE(sweep_partials(disk, **ledger, "/state/partials", soon));
  EXPECT_EQ((std::vector<std::string>{std::string(64, 'a') + ".map", std::string(64, 'a') + ".partial"}), *disk.list("/state/partials"));
  ASSERT_TRUE(sweep_partials(disk, **ledger, "/state/partials", soon + std::chrono::hours(24 * 8)));
  EXPECT_TRUE(disk.list("/state/partials")->empty());
}

TEST(Recovery, ScratchNamesOfACrashGoAndLocksStay) {
  support::SimFileSystem disk;
  disk.plant("/hub/.locks/models--a--b/0123.tmp", "large");
  disk.plant("/hub/.locks/models--a--b/etag.lock", "");
  disk.plant("/hub/.locks/.hubd-owner", "");
  ASSERT_TRUE(sweep_scratch(disk, "/hub"));
  EXPECT_EQ((std::vector<std::string>{"etag.lock"}), *disk.list("/hub/.locks/models--a--b"));
  EXPECT_TRUE(disk.stat("/hub/.locks/.hubd-owner"));
  EXPECT_TRUE(sweep_scratch(disk, "/nothing-here"));
}

}  // namespace
}  // namespace hubd::engine
