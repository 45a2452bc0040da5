// SPDX-License-Identifier: Apache-2.0
#include "core/cache/owner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/forwarding_file_system.h"

namespace hubd::cache {
namespace {

class OwnerTest : public testing::Test {
 protected:
  OwnerTest() {
    char name[] = "/tmp/hubd-owner-XXXXXX";
    root_ = mkdtemp(name);
  }
  ~OwnerTest() override { std::filesystem::remove_all(root_); }
  Result<std::unique_ptr<Owner>> take(std::string const& socket = "/s") {
    return Owner::take(*files_, *random_, root_, 42, socket);
  }
  std::unique_ptr<fs::FileSystem> files_ = fs::system_files();
  std::unique_ptr<Random> random_ = seeded_random(1);
  std::string root_;
};

TEST_F(OwnerTest, TheRootIdSurvivesItsOwners) {
  auto first = take();
  ASSERT_TRUE(first) << first.error().what;
  auto const id = (*first)->root_id();
  EXPECT_EQ(id.size(), 32U);
  first->reset();
  auto const second = take("/a/longer/socket/path");
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->root_id(), id);
  auto const facts = Owner::read(*files_, root_);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->root_id, id);
  EXPECT_EQ(facts->pid, 42);
  EXPECT_EQ(facts->socket, "/a/longer/socket/path");
  EXPECT_FALSE(facts->boot_id.empty());
}

TEST_F(OwnerTest, ASecondOwnerIsToldWhoTheFirstIs) {
  auto const first = take("/run/first");
  ASSERT_TRUE(first);
  auto const second = take("/run/second");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
  EXPECT_NE(second.error().what.find("pid 42, socket /run/first"), std::string::npos) << second.error().what;
}

TEST_F(OwnerTest, TheFileIsReadableByAll) {
  auto const owner = take();
  ASSERT_TRUE(owner);
  auto const found = files_->lstat(root_ + "/.locks/.hubd-owner");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->mode, 0644U);
}

TEST_F(OwnerTest, RemovedLocksAreTakenAgainUnderTheSameId) {
  auto const owner = take();
  ASSERT_TRUE(owner);
  auto const id = (*owner)->root_id();
  EXPECT_TRUE((*owner)->check());
  std::filesystem::remove_all(root_ + "/.locks");
  auto const checked = (*owner)->check();
  EXPECT_TRUE(checked) << checked.error().what;
  auto const facts = Owner::read(*files_, root_);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->root_id, id);
  EXPECT_FALSE(take()) << "the lock protects again";
}

TEST_F(OwnerTest, ARootTakenByAnotherMeanwhileIsLost) {
  auto const owner = take();
  ASSERT_TRUE(owner);
  std::filesystem::remove_all(root_ + "/.locks");
  auto other = take("/run/other");
  ASSERT_TRUE(other);
  auto const lost = (*owner)->check();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::busy);
  other->reset();
  EXPECT_TRUE((*owner)->check()) << "and taken again once it is free";
}

/// A file system whose flock lies, as some network file systems do.
class LyingLocks : public support::ForwardingFileSystem {
 public:
  LyingLocks(fs::FileSystem& inner, bool grants) : ForwardingFileSystem(inner), grants_(grants) {}
  Result<std::unique_ptr<fs::Lock>> try_lock(std::string const&, mode_t) override {
    struct Granted final : fs::Lock {
      Result<bool> still_valid() const override { return true; }
    };
    if (!grants_) return std::unique_ptr<fs::Lock>();
    return std::unique_ptr<fs::Lock>(std::make_unique<Granted>());
  }

 private:
  bool grants_;
};

TEST_F(OwnerTest, AFileSystemWhoseLocksLieIsRefused) {
  for (bool const grants : {true, false}) {
    LyingLocks lying(*files_, grants);
    auto const refused = Owner::take(lying, *random_, root_, 42, "/s");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::not_supported) << "grants " << grants;
    EXPECT_NE(refused.error().what.find(root_), std::string::npos);
  }
}

TEST_F(OwnerTest, NothingButTheOwnerFileStaysInTheLocksFolder) {
  auto const owner = take();
  ASSERT_TRUE(owner);
  auto const names = files_->list(root_ + "/.locks");
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, std::vector<std::string>{".hubd-owner"});
}

}  // namespace
}  // namespace hubd::cache
