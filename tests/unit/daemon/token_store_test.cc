// SPDX-License-Identifier: Apache-2.0
#include "daemon/token_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace hubd::daemon {
namespace {

class TokenStoreTest : public testing::Test {
 protected:
  static std::string made() {
    char name[] = "/tmp/hubd-tokens-XXXXXX";
    return mkdtemp(name);
  }
  ~TokenStoreTest() override { std::filesystem::remove_all(root_); }

  std::string text(std::string const& name) { return fs::read_file(*files_, folder_ + "/" + name).value(); }
  mode_t mode(std::string const& path) { return files_->lstat(path).value().mode; }

  std::string root_ = made();
  std::string folder_ = root_ + "/hf";
  std::unique_ptr<fs::FileSystem> files_ = fs::system_files();
  std::unique_ptr<Random> random_ = seeded_random(1);
  TokenStore store_{*files_, *random_, folder_ + "/token"};
};

TEST_F(TokenStoreTest, SavedTokensStandInTheStockFilesForTheOwnerAlone) {
  ASSERT_TRUE(store_.save("work", Secret("hf_0123456789")));
  ASSERT_TRUE(store_.save("play", Secret("hf_9876543210")));
  EXPECT_EQ(text("token"), "hf_9876543210");
  EXPECT_EQ(text("stored_tokens"), "[play]\nhf_token = hf_9876543210\n\n[work]\nhf_token = hf_0123456789\n\n");
  EXPECT_EQ(mode(folder_), 0700U);
  EXPECT_EQ(mode(folder_ + "/token"), 0600U);
  EXPECT_EQ(mode(folder_ + "/stored_tokens"), 0600U);
  EXPECT_EQ(store_.active().reveal(), "hf_9876543210");
  auto const names = files_->list(folder_);
  ASSERT_TRUE(names);
  EXPECT_EQ(*names, (std::vector<std::string>{"stored_tokens", "stored_tokens.lock", "token"}));
}

TEST_F(TokenStoreTest, TheListMasksTokensAndMarksTheActiveOne) {
  ASSERT_TRUE(store_.save("work", Secret("hf_0123456789")));
  ASSERT_TRUE(store_.save("play", Secret("hf_9876543210")));
  ASSERT_TRUE(store_.activate("work"));
  auto const listed = store_.list();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->entries.size(), 2U);
  EXPECT_EQ(listed->entries[0].name, "play");
  EXPECT_EQ(listed->entries[0].masked, "hf_****3210");
  EXPECT_FALSE(listed->entries[0].active);
  EXPECT_TRUE(listed->entries[1].active);
  EXPECT_FALSE(listed->active_not_stored);
}

TEST_F(TokenStoreTest, AnActiveTokenWithoutANameIsTold) {
  std::filesystem::create_directories(folder_);
  ASSERT_TRUE(fs::write_file_atomic(*files_, folder_ + "/token", folder_ + "/t", " hf_elsewhere\r\n", 0600, false));
  EXPECT_EQ(store_.active().reveal(), "hf_elsewhere");
  auto const listed = store_.list();
  ASSERT_TRUE(listed);
  EXPECT_TRUE(listed->active_not_stored);
}

TEST_F(TokenStoreTest, ForgettingTheActiveOneLogsOut) {
  ASSERT_TRUE(store_.save("work", Secret("hf_0123456789")));
  ASSERT_TRUE(store_.save("play", Secret("hf_9876543210")));
  auto const other = store_.remove("work");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->active);
  EXPECT_EQ(store_.active().reveal(), "hf_9876543210");
  auto const active = store_.remove("play");
  ASSERT_TRUE(active);
  EXPECT_TRUE(active->active);
  EXPECT_TRUE(store_.active().empty());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/token"));
}

TEST_F(TokenStoreTest, ForgettingAllRemovesBothFilesEvenUnreadableOnes) {
  ASSERT_TRUE(store_.save("work", Secret("hf_0123456789")));
  ASSERT_TRUE(fs::write_file_atomic(*files_, folder_ + "/stored_tokens", folder_ + "/t", "no section\n", 0600, false));
  EXPECT_EQ(store_.list().error().kind, ErrorKind::bad_request);
  auto const removed = store_.remove("");
  ASSERT_TRUE(removed) << removed.error().what;
  EXPECT_TRUE(removed->active);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/token"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/stored_tokens"));
}

TEST_F(TokenStoreTest, AnUnknownNameIsRefusedAndChangesNothing) {
  ASSERT_TRUE(store_.save("work", Secret("hf_0123456789")));
  EXPECT_EQ(store_.activate("nope").error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(store_.remove("nope").error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(text("token"), "hf_0123456789");
}

TEST_F(TokenStoreTest, NamesThatAreNoSectionAreRefused) {
  for (auto const* const name : {"", "DEFAULT", "a\nhf_token = b", "x\x7f"}) {
    auto const saved = store_.save(name, Secret("hf_0123456789"));
    ASSERT_FALSE(saved) << name;
    EXPECT_EQ(saved.error().kind, ErrorKind::bad_request);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/token"));
}

TEST_F(TokenStoreTest, AHeldLockMeansBusyAndChangesNothing) {
  ASSERT_TRUE(store_.save("work", Secret("hf_0123456789")));
  auto const held = files_->try_lock(folder_ + "/stored_tokens.lock", 0600);
  ASSERT_TRUE(held && *held);
  EXPECT_EQ(store_.save("play", Secret("hf_9876543210")).error().kind, ErrorKind::busy);
  EXPECT_EQ(text("token"), "hf_0123456789");
}

}  // namespace
}  // namespace hubd::daemon
