// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fs/file_system.h"
#include "tests/unit/core/fs/folder.h"

namespace hubd::fs {
namespace {

/// Another process that holds an flock, as a stock client does, until told to go.
class Holder {
 public:
  explicit Holder(std::string const& path) {
    int ready[2];
    int go[2];
    if (::pipe(ready) != 0 || ::pipe(go) != 0) return;
    child_ = ::fork();
    if (child_ == 0) {
      ::close(go[1]);
      int const file = ::open(path.c_str(), O_RDWR | O_CREAT, 0664);
      char byte = ::flock(file, LOCK_EX | LOCK_NB) == 0 ? 'y' : 'n';
      (void)!::write(ready[1], &byte, 1);
      (void)!::read(go[0], &byte, 1);
      ::_exit(0);
    }
    ::close(ready[1]);
    ::close(go[0]);
    go_ = go[1];
    char byte = 'n';
    (void)!::read(ready[0], &byte, 1);
    ::close(ready[0]);
    holds_ = byte == 'y';
  }
  Holder(Holder const&) = delete;
  Holder& operator=(Holder const&) = delete;
  ~Holder() { end(); }
  void end() {
    if (go_ >= 0) ::close(std::exchange(go_, -1));
    if (child_ > 0) ::waitpid(std::exchange(child_, 0), nullptr, 0);
  }
  [[nodiscard]] bool holds() const { return holds_; }

 private:
  pid_t child_ = 0;
  int go_ = -1;
  bool holds_ = false;
};

class LockTest : public ::testing::Test {
 protected:
  std::unique_ptr<FileSystem> files_ = system_files();
  Folder folder_;
  std::string path_ = folder_ / "blob.lock";
};

TEST_F(LockTest, IsHeldOnceAndFreeAgainWhileItsFileStays) {
  auto first = files_->try_lock(path_);
  ASSERT_TRUE(first) << first.error().what;
  ASSERT_TRUE(*first);
  auto const second = files_->try_lock(path_);
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second) << "also in one process, another descriptor is kept out";
  EXPECT_TRUE(*(*first)->still_valid());
  first->reset();
  EXPECT_TRUE(files_->lstat(path_));
  auto const third = files_->try_lock(path_);
  ASSERT_TRUE(third);
  EXPECT_TRUE(*third);
}

TEST_F(LockTest, AForeignProcessKeepsUsOutAndIsKeptOut) {
  {
    Holder holder(path_);
    ASSERT_TRUE(holder.holds());
    auto const ours = files_->try_lock(path_);
    ASSERT_TRUE(ours);
    EXPECT_FALSE(*ours);
    holder.end();
    auto const after = files_->try_lock(path_);
    ASSERT_TRUE(after);
    ASSERT_TRUE(*after);
    Holder const late(path_);
    EXPECT_FALSE(late.holds());
  }
}

TEST_F(LockTest, ALockWhoseFileWasUnlinkedOrReplacedIsNotValid) {
  auto const lock = files_->try_lock(path_);
  ASSERT_TRUE(lock && *lock);
  ASSERT_TRUE(files_->remove(path_));
  EXPECT_FALSE(*(*lock)->still_valid());
  auto const second = files_->try_lock(path_);
  ASSERT_TRUE(second);
  EXPECT_TRUE(*second) << "the new file is locked by nobody";
  EXPECT_FALSE(*(*lock)->still_valid());
  EXPECT_TRUE(*(*second)->still_valid());
}

TEST_F(LockTest, AHardLinkElsewhereDoesNotMakeAnUnlinkedLockValid) {
  auto const lock = files_->try_lock(path_);
  ASSERT_TRUE(lock && *lock);
  ASSERT_TRUE(files_->link(path_, folder_ / "other"));
  ASSERT_TRUE(files_->remove(path_));
  EXPECT_FALSE(*(*lock)->still_valid());
}

TEST_F(LockTest, ItsModeIsForcedThroughTheUmaskOnCreationOnly) {
  auto const before = ::umask(077);
  auto const lock = files_->try_lock(path_);
  ::umask(before);
  ASSERT_TRUE(lock && *lock);
  EXPECT_EQ(files_->lstat(path_)->mode, 0664U);
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  auto const again = files_->try_lock(path_);
  ASSERT_TRUE(again);
  EXPECT_EQ(files_->lstat(path_)->mode, 0600U) << "a file of somebody else keeps its mode";
}

TEST_F(LockTest, ASymlinkInItsPlaceIsNotFollowed) {
  ASSERT_TRUE(files_->symlink(folder_ / "target", path_));
  auto const lock = files_->try_lock(path_);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, ErrorKind::io);
  EXPECT_FALSE(files_->lstat(folder_ / "target"));
}

TEST_F(LockTest, WithoutItsFolderItSaysSo) {
  auto const lock = files_->try_lock(folder_ / "absent/x.lock");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, ErrorKind::local_entry_not_found);
}

}  // namespace
}  // namespace hubd::fs
