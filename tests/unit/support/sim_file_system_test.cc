// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

namespace hubd::support {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Loss = SimFileSystem::Loss;
using Operation = SimFileSystem::Operation;
using fs::OpenMode;

void write_text(fs::FileSystem& files, std::string const& path, std::string_view text) {
  auto const file = files.open(path, OpenMode::create);
  ASSERT_TRUE(file) << file.error().what;
  auto const cut = (*file)->truncate(0);
  ASSERT_TRUE(cut);
  auto const written = (*file)->write_at(0, as_bytes(text));
  ASSERT_TRUE(written) << written.error().what;
}

void sync_file(fs::FileSystem& files, std::string const& path) {
  auto const file = files.open(path, OpenMode::read_write);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->sync());
}

template <class T>
std::string outcome(Result<T> const& result) {
  return result ? "ok" : std::string(name_of(result.error().kind));
}

/// What a series of calls gave, line by line.
std::string behaviour(fs::FileSystem& files, std::string const& root) {
  std::string seen;
  auto const say = [&](std::string const& line) { seen += line + "\n"; };
  auto const show = [&](std::string const& name) {
    auto const stat = files.lstat(root + name);
    if (!stat) return say(name + ": " + outcome(stat));
    say(name + ": type " + std::to_string(static_cast<int>(stat->type)) + ", size " +
        (stat->type == fs::Stat::Type::directory ? "-" : std::to_string(stat->size)) + ", mode " + std::to_string(stat->mode) +
        ", links " + (stat->type == fs::Stat::Type::directory ? "-" : std::to_string(stat->links)));
  };
  say(outcome(files.make_directories(root + "/a/b/c", 0777)));
  say(outcome(files.make_directories(root + "/a/b/c", 0777)));
  say(outcome(files.open(root + "/absent", OpenMode::read)));
  say(outcome(files.open(root + "/absent/file", OpenMode::create)));
  write_text(files, root + "/a/file", "hello");
  say(outcome(files.open(root + "/a/file/below", OpenMode::read)));
  say(outcome(files.open(root + "/a/file", OpenMode::create_exclusive)));
  say(outcome(files.make_directories(root + "/a/file", 0777)));
  say(outcome(files.symlink("../file", root + "/a/b/link")));
  say(outcome(files.symlink("nowhere", root + "/a/dangling")));
  say(outcome(files.symlink("loop", root + "/a/loop")));
  say(outcome(files.stat(root + "/a/b/link")));
  say(outcome(files.stat(root + "/a/dangling")));
  say(outcome(files.open(root + "/a/loop", OpenMode::read)));
  say(outcome(files.open(root + "/a/b/link", OpenMode::read, 0666, true)));
  say(outcome(fs::read_file(files, root + "/a/b/link")));
  say(outcome(fs::read_file(files, root + "/a/b/c/../../file")));
  say(outcome(files.open(root + "/a/dangling", OpenMode::create)));
  show("/a/nowhere");
  say(outcome(files.link(root + "/a/file", root + "/a/second")));
  say(outcome(files.link(root + "/a/file", root + "/a/second")));
  say(outcome(files.link(root + "/a/b", root + "/a/folder-link")));
  show("/a/file");
  say(outcome(files.rename(root + "/a/file", root + "/a/second")));  // the same inode: nothing happens
  show("/a/file");
  say(outcome(files.remove(root + "/a/file")));
  say(outcome(files.remove(root + "/a/file")));
  show("/a/second");
  say(outcome(files.rename(root + "/a/absent", root + "/a/x")));
  say(outcome(files.rename(root + "/a/second", root + "/a/b")));
  say(outcome(files.rename(root + "/a/b", root + "/a/second")));
  say(outcome(files.rename(root + "/a/b", root + "/a/b/c/d")));
  say(outcome(files.rename(root + "/a/second", root + "/a/b/c/moved")));
  show("/a/second");
  show("/a/b/c/moved");
  say(outcome(files.remove_directory(root + "/a/b")));
  say(outcome(files.remove(root + "/a/b")));
  say(outcome(files.remove_directory(root + "/a/absent")));
  say(outcome(files.copy(root + "/a/b/c/moved", root + "/a/copy")));
  say(outcome(files.copy(root + "/a/b/c/moved", root + "/a/copy")));
  show("/a/copy");
  {
    auto const file = files.open(root + "/a/copy", OpenMode::read_write);
    say(outcome((*file)->truncate(2)));
    say(outcome((*file)->truncate(8)));
    say(outcome((*file)->write_at(10, as_bytes("!"))));
    say(outcome((*file)->set_mode(0640)));
    say(outcome(files.remove(root + "/a/copy")));
    std::string bytes(20, '?');
    auto const count = (*file)->read_at(1, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()});
    say(std::to_string(*count) + " " + std::string(bytes.c_str()) + " " + std::to_string((*file)->stat()->links) + " " +
        std::to_string((*file)->stat()->mode));
    auto const reader = files.open(root + "/a/b/c/moved", OpenMode::read);
    say(outcome((*reader)->write_at(0, as_bytes("x"))));
  }
  {
    auto const lock = files.try_lock(root + "/a/lock", 0664);
    show("/a/lock");
    auto const other = files.try_lock(root + "/a/lock", 0664);
    say(*other ? "two hold it" : "one holds it");
    say(*(*lock)->still_valid() ? "valid" : "replaced");
    say(outcome(files.remove(root + "/a/lock")));
    say(*(*lock)->still_valid() ? "valid" : "replaced");
    auto const fresh = files.try_lock(root + "/a/lock", 0664);
    say(*fresh ? "new lock" : "still held");
  }
  say(outcome(files.try_lock(root + "/a/dangling", 0664)));
  auto const again = files.try_lock(root + "/a/lock", 0664);
  say(*again ? "released" : "still held");
  auto const names = files.list(root + "/a");
  for (auto const& name : *names) say(name);
  say(outcome(files.list(root + "/a/lock")));
  say(outcome(files.remove_tree(root + "/a")));
  say(outcome(files.remove_tree(root + "/a")));
  show("/a");
  return seen;
}

TEST(SimFileSystem, BehavesAsTheKernelDoes) {
  std::string pattern = (std::filesystem::temp_directory_path() / "hubd-sim-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  mode_t const before = ::umask(022);
  auto const real = fs::system_files();
  auto const expected = behaviour(*real, pattern);
  ::umask(before);
  std::filesystem::remove_all(pattern);

  SimFileSystem simulated;
  simulated.plant(pattern + "/marker", "");
  EXPECT_EQ(behaviour(simulated, pattern), expected);
  EXPECT_EQ(simulated.used(), 0U) << "space of what is gone comes back";
}

TEST(SimFileSystem, PermissionBitsOfTheOwnerHold) {
  SimFileSystem files;
  files.plant("/cache/blob", "x");
  files.change_mode("/cache/blob", 0444);
  EXPECT_EQ(outcome(files.open("/cache/blob", OpenMode::read_write)), "permission_denied");
  EXPECT_EQ(outcome(files.open("/cache/blob", OpenMode::read)), "ok");
  files.change_mode("/cache", 0555);
  EXPECT_FALSE(*files.writable("/cache"));
  EXPECT_EQ(outcome(files.open("/cache/new", OpenMode::create)), "permission_denied");
  EXPECT_EQ(outcome(files.remove("/cache/blob")), "permission_denied");
  EXPECT_EQ(outcome(files.rename("/cache/blob", "/cache/b")), "permission_denied");
}

TEST(SimFileSystem, AFullDiskStopsWritesButNotReservedOnes) {
  SimFileSystem::Options options;
  options.capacity = 8 * 4096;
  SimFileSystem files(options);
  auto const reserved = files.open("/reserved", OpenMode::create);
  ASSERT_TRUE((*reserved)->reserve(4 * 4096));
  EXPECT_EQ((*reserved)->stat()->size, 0U);
  EXPECT_EQ(*files.free_space("/"), Bytes{4 * 4096});
  EXPECT_EQ(outcome((*reserved)->reserve(9 * 4096)), "disk_full");

  auto const other = files.open("/other", OpenMode::create);
  std::string const text(5 * 4096, 'x');
  EXPECT_EQ(outcome((*other)->write_at(0, as_bytes(text))), "disk_full");
  EXPECT_EQ((*other)->stat()->size, Bytes{4 * 4096}) << "what fits is written";
  EXPECT_EQ(*files.free_space("/"), 0U);
  EXPECT_EQ(outcome((*reserved)->write_at(0, as_bytes(text).first(4 * 4096))), "ok");
  EXPECT_EQ(outcome((*reserved)->write_at(4 * 4096, as_bytes("x"))), "disk_full");
  EXPECT_EQ(outcome((*other)->write_at(0, as_bytes("y"))), "ok") << "in place";

  ASSERT_TRUE((*other)->truncate(0));
  EXPECT_EQ(*files.free_space("/"), Bytes{4 * 4096});
  ASSERT_TRUE(files.remove("/reserved"));
  EXPECT_EQ(*files.free_space("/"), Bytes{4 * 4096}) << "still open";
  files.set_capacity(4096);
  EXPECT_EQ(*files.free_space("/"), 0U);
}

TEST(SimFileSystem, FailsTheOperationAskedFor) {
  SimFileSystem files;
  files.fail_operation(2, ErrorKind::io);
  files.fail_operation(1, Operation::rename, ErrorKind::disk_full);
  EXPECT_EQ(outcome(files.make_directories("/a")), "ok");
  EXPECT_EQ(outcome(files.open("/a/x", OpenMode::create)), "io");
  EXPECT_EQ(outcome(files.lstat("/a/x")), "local_entry_not_found");
  EXPECT_EQ(outcome(files.open("/a/x", OpenMode::create)), "ok");
  EXPECT_EQ(outcome(files.rename("/a/x", "/a/y")), "disk_full");
  EXPECT_EQ(outcome(files.rename("/a/x", "/a/y")), "ok");
  EXPECT_EQ(files.operations(), 5U);
  EXPECT_EQ(files.log_text(),
            "make_directory /a\ncreate /a/x (failed)\ncreate /a/x\nrename /a/x to /a/y (failed)\nrename /a/x to /a/y\n");
}

TEST(SimFileSystem, AfterCrashAtEveryCallFailsUntilTheCrash) {
  SimFileSystem files;
  write_text(files, "/kept", "kept");
  auto const lock = files.try_lock("/lock");
  auto const open_file = files.open("/kept", OpenMode::read_write);
  files.crash_at(1);
  EXPECT_FALSE(files.dead());
  EXPECT_EQ(outcome(files.make_directories("/a")), "io");
  EXPECT_TRUE(files.dead());
  EXPECT_EQ(outcome(files.lstat("/kept")), "io");
  EXPECT_EQ(outcome((*open_file)->sync()), "io");
  files.crash(Loss::none);
  EXPECT_EQ(files.content("/kept"), "kept") << "the kernel outlives the process";
  EXPECT_EQ(outcome(files.lstat("/a")), "local_entry_not_found");
  EXPECT_EQ(outcome((*open_file)->write_at(0, as_bytes("x"))), "io") << "a descriptor of the dead process";
  auto const again = files.try_lock("/lock");
  ASSERT_TRUE(again);
  EXPECT_TRUE(*again) << "its lock went with it";
}

TEST(SimFileSystem, LostPowerTakesDataThatWasNotSynced) {
  SimFileSystem files;
  files.plant("/file", "old old old");
  auto const file = files.open("/file", OpenMode::read_write);
  ASSERT_TRUE((*file)->write_at(0, as_bytes("new")));
  ASSERT_TRUE((*file)->sync());
  ASSERT_TRUE((*file)->write_at(4, as_bytes("lost")));
  ASSERT_TRUE((*file)->truncate(20));
  files.crash(Loss::all);
  EXPECT_EQ(files.content("/file"), "new old old");
}

TEST(SimFileSystem, LostPowerTakesNamesWhoseFolderWasNotSynced) {
  SimFileSystem files;
  files.plant("/d/old", "old");
  write_text(files, "/d/tmp", "synced");
  sync_file(files, "/d/tmp");
  ASSERT_TRUE(files.rename("/d/tmp", "/d/old"));
  files.crash(Loss::all);
  EXPECT_EQ(files.content("/d/old"), "old");
  EXPECT_THAT(*files.list("/d"), ElementsAre("old"));

  write_text(files, "/d/tmp", "synced");
  sync_file(files, "/d/tmp");
  ASSERT_TRUE(files.rename("/d/tmp", "/d/old"));
  ASSERT_TRUE(files.sync_directory("/d"));
  files.crash(Loss::all);
  EXPECT_EQ(files.content("/d/old"), "synced");
  EXPECT_THAT(*files.list("/d"), ElementsAre("old"));
}

TEST(SimFileSystem, ANameCanOutliveItsData) {
  SimFileSystem files;
  write_text(files, "/unsynced", "gone");
  ASSERT_TRUE(files.sync_directory("/"));
  files.crash(Loss::all);
  EXPECT_EQ(files.content("/unsynced"), "");
}

TEST(SimFileSystem, SyncingAFolderKeepsTheFoldersAboveIt) {
  SimFileSystem files;
  ASSERT_TRUE(files.make_directories("/a/b/c"));
  write_text(files, "/a/b/c/file", "x");
  sync_file(files, "/a/b/c/file");
  write_text(files, "/a/b/beside", "x");
  ASSERT_TRUE(files.sync_directory("/a/b/c"));
  files.crash(Loss::all);
  EXPECT_EQ(files.content("/a/b/c/file"), "x");
  EXPECT_THAT(*files.list("/a/b"), ElementsAre("c"));
}

TEST(SimFileSystem, ARenameHappensInBothFoldersOrInNone) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimFileSystem::Options options;
    options.seed = seed;
    SimFileSystem files(options);
    files.plant("/a/file", "x");
    files.plant("/b/other", "y");
    ASSERT_TRUE(files.rename("/a/file", "/b/file"));
    files.crash(Loss::some);
    auto const here = files.lstat("/a/file").has_value();
    auto const there = files.lstat("/b/file").has_value();
    EXPECT_NE(here, there);
    outcomes.insert(here ? "undone" : "done");
  }
  EXPECT_EQ(outcomes.size(), 2U) << "both ways are tried";
}

TEST(SimFileSystem, SomeOfWhatWasNotSyncedSurvivesSectorBySector) {
  std::set<std::string> firsts;
  std::set<std::string> lasts;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SimFileSystem::Options options;
    options.seed = seed;
    SimFileSystem files(options);
    files.plant("/file", std::string(1024, 'a'));
    auto const file = files.open("/file", OpenMode::read_write);
    ASSERT_TRUE((*file)->write_at(0, as_bytes(std::string(1024, 'b'))));
    ASSERT_TRUE((*file)->write_at(0, as_bytes(std::string(1024, 'c'))));
    files.crash(Loss::some);
    auto const content = files.content("/file");
    ASSERT_EQ(content.size(), 1024U);
    for (std::size_t sector = 0; sector < 1024; sector += 512)
      EXPECT_EQ(content.substr(sector, 512), std::string(512, content[sector])) << "a sector is written whole";
    firsts.insert(content.substr(0, 1));
    lasts.insert(content.substr(1023));
  }
  EXPECT_THAT(firsts, ElementsAre("a", "b", "c"));
  EXPECT_THAT(lasts, ElementsAre("a", "b", "c"));
}

TEST(SimFileSystem, TheSameSeedLosesTheSame) {
  auto const run = [](std::uint64_t seed) {
    SimFileSystem::Options options;
    options.seed = seed;
    SimFileSystem files(options);
    for (int i = 0; i < 20; ++i) write_text(files, "/file" + std::to_string(i), std::string(1000, 'x'));
    files.crash(Loss::some);
    std::string seen;
    auto const names = files.list("/");
    for (auto const& name : *names) seen += name + ":" + files.content("/" + name) + "\n";
    return seen;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(SimFileSystem, AFailingWriteMayHaveWrittenAPart) {
  std::set<Bytes> sizes;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimFileSystem::Options options;
    options.seed = seed;
    SimFileSystem files(options);
    auto const file = files.open("/file", OpenMode::create);
    files.fail_operation(1, Operation::write, ErrorKind::io);
    EXPECT_EQ(outcome((*file)->write_at(0, as_bytes(std::string(2048, 'x')))), "io");
    sizes.insert((*file)->stat()->size);
  }
  EXPECT_THAT(sizes, ElementsAre(0, 512, 1024, 1536, 2048));
}

}  // namespace
}  // namespace hubd::support
