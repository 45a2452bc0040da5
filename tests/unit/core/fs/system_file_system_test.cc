// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <thread>

#include "core/fs/buffer.h"
#include "core/fs/file_system.h"
#include "tests/unit/core/fs/folder.h"

namespace hubd::fs {
namespace {

class SystemFiles : public ::testing::Test {
 protected:
  void write(std::string const& path, std::string const& text) const { std::ofstream(path) << text; }
  std::string content(std::string const& path) { return read_file(*files_, path).value(); }
  std::unique_ptr<FileSystem> files_ = system_files();
  Folder folder_;
};

TEST_F(SystemFiles, WithoutADescriptorAnOpenIsExhaustedAndSaysWhatToDo) {
  write(folder_.path() + "/file", "x");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few{64, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<std::unique_ptr<File>> open;
  Result<std::unique_ptr<File>> last = fail(ErrorKind::internal, "");
  for (int i = 0; i < 100; ++i) {
    last = files_->open(folder_.path() + "/file", OpenMode::read);
    if (!last) break;
    open.push_back(std::move(*last));
  }
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().kind, ErrorKind::exhausted);
  EXPECT_EQ(last.error().cause, std::errc::too_many_files_open);
  EXPECT_NE(last.error().what.find("raise the limit of open files"), std::string::npos);
  open.clear();
  EXPECT_TRUE(files_->open(folder_.path() + "/file", OpenMode::read));
}

TEST_F(SystemFiles, ErrnoBecomesAKindAndASentenceWithThePath) {
  auto const absent = files_->open(folder_ / "absent", OpenMode::read);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::local_entry_not_found);
  EXPECT_NE(absent.error().what.find(folder_ / "absent"), std::string::npos);
  EXPECT_EQ(absent.error().cause, std::errc::no_such_file_or_directory);
  write(folder_ / "file", "x");
  EXPECT_EQ(files_->lstat(folder_ / "file/below").error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(files_->list(folder_ / "absent").error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(files_->open(folder_ / "file", OpenMode::create_exclusive).error().kind, ErrorKind::io);
  EXPECT_EQ(files_->make_directories(folder_ / "file").error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(files_->stat(folder_ / std::string(300, 'n')).error().kind, ErrorKind::io);
}

TEST_F(SystemFiles, APlainUserIsTurnedAwayWithPermissionDenied) {
  ASSERT_TRUE(files_->make_directories(folder_ / "locked"));
  write(folder_ / "locked/file", "x");
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod((folder_ / "locked").c_str(), 0555), 0);
  ASSERT_EQ(::chmod((folder_ / "locked/file").c_str(), 0400), 0);
  pid_t const child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::getuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(9);
    auto const files = system_files();
    auto const made = files->open(folder_ / "locked/new", OpenMode::create);
    auto const writable = files->writable(folder_ / "locked");
    auto const removed = files->remove(folder_ / "locked/file");
    bool const right = !made && made.error().kind == ErrorKind::permission_denied && writable && !*writable && !removed &&
                       removed.error().kind == ErrorKind::permission_denied;
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ASSERT_EQ(::chmod((folder_ / "locked").c_str(), 0755), 0);
}

TEST_F(SystemFiles, AWriteBeyondALimitFailsAndIsNotTakenForDone) {
  pid_t const child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto const file = system_files()->open(folder_ / "f", OpenMode::create);
    if (!file) ::_exit(2);
    auto const written = (*file)->write_at(0, as_bytes(std::string(5000, 'x')));
    ::_exit(!written && written.error().kind == ErrorKind::io ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(SystemFiles, AFullDiskIsDiskFull) {
  auto const full = files_->open("/dev/full", OpenMode::read_write);
  ASSERT_TRUE(full);
  auto const written = (*full)->write_at(0, as_bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::disk_full);
}

TEST_F(SystemFiles, ReadsAndWritesArePositional) {
  auto const file = files_->open(folder_ / "f", OpenMode::create);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write_at(6, as_bytes("world")));
  ASSERT_TRUE((*file)->write_at(0, as_bytes("hello ")));
  Buffer buffer(64);
  EXPECT_EQ(*(*file)->read_at(3, buffer.span()), 8U);
  EXPECT_EQ(as_text(buffer.span().first(8)), "lo world");
  EXPECT_EQ(*(*file)->read_at(100, buffer.span()), 0U);
  ASSERT_TRUE((*file)->truncate(5));
  EXPECT_EQ((*file)->stat()->size, 5U);
  ASSERT_TRUE((*file)->sync());
}

TEST_F(SystemFiles, ReservingKeepsTheSizeAndTakesTheSpace) {
  auto const file = files_->open(folder_ / "f", OpenMode::create);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->reserve(1_MiB));
  ASSERT_TRUE((*file)->reserve(0));
  auto const stat = (*file)->stat();
  EXPECT_EQ(stat->size, 0U);
  EXPECT_TRUE(stat->allocated == 0 || stat->allocated >= 1_MiB) << "0 where the file system cannot";
}

TEST_F(SystemFiles, CreationFollowsTheUmask) {
  auto const before = ::umask(027);
  auto const file = files_->open(folder_ / "f", OpenMode::create);
  auto const made = files_->make_directories(folder_ / "a/b/c");
  auto const copied = files_->copy(folder_ / "f", folder_ / "copy");
  ::umask(before);
  ASSERT_TRUE(file && made && copied);
  EXPECT_EQ(files_->stat(folder_ / "f")->mode, 0640U);
  EXPECT_EQ(files_->stat(folder_ / "a/b")->mode, 0750U);
  EXPECT_EQ(files_->stat(folder_ / "copy")->mode, 0640U);
}

TEST_F(SystemFiles, FoldersAreMadeByManyAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      if (!files_->make_directories(folder_ / "a/b/c/d/e/f/")) ++failed;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
}

TEST_F(SystemFiles, LinksAreToldApartFromWhatTheyPointTo) {
  write(folder_ / "blob", "12345");
  ASSERT_TRUE(files_->symlink("blob", folder_ / "pointer"));
  ASSERT_TRUE(files_->symlink("gone", folder_ / "dangling"));
  ASSERT_TRUE(files_->link(folder_ / "blob", folder_ / "second"));
  EXPECT_EQ(files_->lstat(folder_ / "pointer")->type, Stat::Type::symlink);
  EXPECT_EQ(files_->stat(folder_ / "pointer")->type, Stat::Type::regular);
  EXPECT_EQ(files_->stat(folder_ / "dangling").error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(*files_->read_symlink(folder_ / "pointer"), "blob");
  EXPECT_EQ(files_->stat(folder_ / "blob")->links, 2U);
  EXPECT_EQ(files_->stat(folder_ / "second")->inode, files_->stat(folder_ / "blob")->inode);
  EXPECT_FALSE(files_->open(folder_ / "pointer", OpenMode::read, 0666, true)) << "nofollow";
  EXPECT_TRUE(files_->open(folder_ / "pointer", OpenMode::read));
}

TEST_F(SystemFiles, RemovingIsIdempotentAndNeverFollowsLinks) {
  ASSERT_TRUE(files_->make_directories(folder_ / "outside"));
  write(folder_ / "outside/precious", "x");
  ASSERT_TRUE(files_->make_directories(folder_ / "tree/deep/er"));
  write(folder_ / "tree/deep/file", "x");
  ASSERT_TRUE(files_->symlink(folder_ / "outside", folder_ / "tree/deep/link"));
  ASSERT_TRUE(files_->remove_directory(folder_ / "tree")) << "not empty is fine, and stays";
  EXPECT_TRUE(files_->stat(folder_ / "tree/deep/file"));
  ASSERT_TRUE(files_->remove_tree(folder_ / "tree"));
  EXPECT_FALSE(files_->lstat(folder_ / "tree"));
  EXPECT_TRUE(files_->stat(folder_ / "outside/precious"));
  EXPECT_TRUE(files_->remove_tree(folder_ / "tree"));
  EXPECT_TRUE(files_->remove(folder_ / "absent"));
  EXPECT_TRUE(files_->remove_directory(folder_ / "absent"));
  EXPECT_FALSE(files_->remove(folder_ / "outside")) << "a folder is no file";
  ASSERT_TRUE(files_->symlink(folder_ / "outside", folder_ / "link"));
  ASSERT_TRUE(files_->remove_tree(folder_ / "link"));
  EXPECT_TRUE(files_->stat(folder_ / "outside/precious"));
}

TEST_F(SystemFiles, ATreeOfManyLevelsIsRemovedWhilePartsVanish) {
  std::string deep = folder_ / "deep";
  for (int i = 0; i < 200; ++i) deep += "/d";
  ASSERT_TRUE(files_->make_directories(deep));
  write(deep + "/file", "x");
  ASSERT_TRUE(files_->remove_tree(folder_ / "deep"));
  EXPECT_FALSE(files_->lstat(folder_ / "deep"));
  write(folder_ / "file", "x");
  EXPECT_TRUE(files_->remove_tree(folder_ / "file"));
  EXPECT_FALSE(files_->lstat(folder_ / "file"));
  EXPECT_TRUE(files_->remove_tree(folder_ / "file/below")) << "absent is fine";
}

TEST_F(SystemFiles, ATreeThatIsSwappedForALinkMeanwhileLeadsNowhere) {
  // Two names change places all the time: a folder of ours, and a link to a folder of somebody else.
  ASSERT_TRUE(files_->make_directories(folder_ / "outside"));
  write(folder_ / "outside/precious", "x");
  std::atomic<bool> stop{false};
  std::string const tree = folder_ / "tree";
  std::string const link = folder_ / "link";
  ASSERT_TRUE(files_->make_directories(tree + "/inner"));
  ASSERT_TRUE(files_->symlink(folder_ / "outside", link));
  std::thread swapping([&] {
    while (!stop) ::renameat2(AT_FDCWD, (tree + "/inner").c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
  });
  for (int i = 0; i < 500; ++i) {
    (void)files_->remove_tree(tree);
    (void)files_->remove_tree(link);
    (void)files_->make_directories(tree + "/inner");
    (void)files_->symlink(folder_ / "outside", link);
  }
  stop = true;
  swapping.join();
  EXPECT_TRUE(files_->stat(folder_ / "outside/precious"));
}

TEST_F(SystemFiles, ACopyIsWholeAlsoAcrossFileSystems) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + "\n";
  write(folder_ / "from", text);
  ASSERT_TRUE(files_->copy(folder_ / "from", folder_ / "to"));
  EXPECT_TRUE(content(folder_ / "to") == text);
  auto const again = files_->copy(folder_ / "from", folder_ / "to");
  ASSERT_FALSE(again);
  EXPECT_TRUE(content(folder_ / "to") == text) << "what was there is not touched";

  Folder const memory("/dev/shm");
  if (!memory.made() || files_->stat(memory.path())->device == files_->stat(folder_.path())->device)
    GTEST_SKIP() << "no second file system at /dev/shm";
  ASSERT_TRUE(files_->copy(folder_ / "from", memory / "to"));
  EXPECT_TRUE(content(memory / "to") == text);
  ASSERT_TRUE(files_->copy(memory / "to", folder_ / "back"));
  EXPECT_TRUE(content(folder_ / "back") == text);
  auto const moved = files_->rename(folder_ / "back", memory / "moved");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().cause, std::errc::cross_device_link);
}

TEST_F(SystemFiles, AFileWhoseSizeIsUnknownIsCopiedWhole) {
  ASSERT_TRUE(files_->copy("/proc/self/status", folder_ / "to"));
  EXPECT_NE(content(folder_ / "to").find("VmRSS"), std::string::npos);
}

TEST_F(SystemFiles, APipeInTheWayDoesNotHoldTheThread) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  auto const file = files_->open(folder_ / "pipe", OpenMode::read);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->stat()->type, Stat::Type::other);
  EXPECT_FALSE(read_file(*files_, folder_ / "pipe"));
}

TEST_F(SystemFiles, ListingsAreSortedAndSpaceIsMeasured) {
  for (char const* name : {"b", "a", ".hidden", "C"}) write(folder_ / name, "");
  EXPECT_EQ(*files_->list(folder_.path()), (std::vector<std::string>{".hidden", "C", "a", "b"}));
  EXPECT_GT(*files_->free_space(folder_.path()), 0U);
  EXPECT_TRUE(*files_->writable(folder_.path()));
  EXPECT_TRUE(files_->sync_directory(folder_.path()));
  EXPECT_FALSE(files_->sync_directory(folder_ / "a"));
}

TEST(Buffer, IsAlignedToAPage) {
  for (std::size_t const size : {std::size_t{1}, std::size_t{4096}, std::size_t{100'000}}) {
    Buffer buffer(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.span().data()) % 4096, 0U);
    EXPECT_EQ(buffer.span().size(), size);
  }
}

}  // namespace
}  // namespace hubd::fs
