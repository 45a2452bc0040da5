// SPDX-License-Identifier: Apache-2.0
#include "daemon/state_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "tests/support/forwarding_file_system.h"

namespace hubd::daemon {
namespace {

/// Renames between folders listed as foreign and anything else fail, as they do across file systems.
class OtherFileSystem : public support::ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  Result<void> rename(std::string const& from, std::string const& to) override {
    for (auto const& folder : foreign)
      if (from.starts_with(folder + "/"))
        return fail(ErrorKind::io, "rename " + from + ": cross-device", std::make_error_code(std::errc::cross_device_link));
    return ForwardingFileSystem::rename(from, to);
  }
  std::set<std::string> foreign;
};

class StateFolderTest : public testing::Test {
 protected:
  StateFolderTest() {
    char name[] = "/tmp/hubd-state-XXXXXX";
    root_ = mkdtemp(name);
    environment_["HF_HOME"] = root_ + "/hf";
    cache_ = root_ + "/hf/hub";
    std::filesystem::create_directories(cache_ + "/.locks");
  }
  ~StateFolderTest() override { std::filesystem::remove_all(root_); }

  Result<std::string> choose(std::string const& configured = "") {
    return choose_state_folder(files_, *random_, environment_, configured, cache_);
  }
  /// What a stock cache scan would stumble over.
  void expect_a_clean_cache() {
    for (auto const& entry : std::filesystem::directory_iterator(cache_)) EXPECT_EQ(entry.path().filename(), ".locks");
    for (auto const& entry : std::filesystem::directory_iterator(cache_ + "/.locks"))
      EXPECT_EQ(entry.path().filename(), ".hubd");
  }

  std::string root_;
  std::string cache_;
  Environment environment_;
  std::unique_ptr<fs::FileSystem> real_ = fs::system_files();
  std::unique_ptr<Random> random_ = seeded_random(1);
  OtherFileSystem files_{*real_};
};

TEST_F(StateFolderTest, StandsInHfHomeWhenTheCacheDoes) {
  auto const chosen = choose();
  ASSERT_TRUE(chosen) << chosen.error().what;
  EXPECT_EQ(*chosen, root_ + "/hf/hubd");
  EXPECT_EQ(real_->lstat(*chosen)->mode, 0700U);
  EXPECT_EQ(real_->list(*chosen).value(), std::vector<std::string>());
  expect_a_clean_cache();
}

TEST_F(StateFolderTest, ACacheElsewhereHasAStateOfItsOwn) {
  cache_ = root_ + "/other";
  std::filesystem::create_directories(cache_ + "/.locks");
  EXPECT_EQ(choose().value(), cache_ + "-hubd");
  EXPECT_FALSE(std::filesystem::exists(root_ + "/hf/hubd"));
}

TEST_F(StateFolderTest, AFolderOnAnotherFileSystemIsPassedOver) {
  files_.foreign = {root_ + "/hf/hubd"};
  EXPECT_EQ(choose().value(), cache_ + "-hubd");
  EXPECT_FALSE(std::filesystem::exists(root_ + "/hf/hubd")) << "nothing useless stays behind";
  std::filesystem::remove_all(cache_ + "-hubd");
  files_.foreign = {root_ + "/hf/hubd", cache_ + "-hubd"};
  EXPECT_EQ(choose().value(), cache_ + "/.locks/.hubd");
  expect_a_clean_cache();
}

TEST_F(StateFolderTest, AConfiguredFolderOnAnotherFileSystemIsRefused) {
  EXPECT_EQ(choose(root_ + "/mine").value(), root_ + "/mine");
  files_.foreign = {root_ + "/far"};
  auto const refused = choose(root_ + "/far");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::bad_request);
  EXPECT_NE(refused.error().what.find("state.folder " + root_ + "/far"), std::string::npos);
}

TEST_F(StateFolderTest, AnOpenFolderIsClosedToOthers) {
  std::filesystem::create_directories(root_ + "/hf/hubd");
  std::filesystem::permissions(root_ + "/hf/hubd", std::filesystem::perms::all);
  ASSERT_TRUE(choose());
  EXPECT_EQ(real_->lstat(root_ + "/hf/hubd")->mode, 0700U);
}

TEST_F(StateFolderTest, ALinkIsNotFollowed) {
  std::filesystem::create_directories(root_ + "/private");
  std::filesystem::permissions(root_ + "/private", std::filesystem::perms(0755));
  std::filesystem::create_directory_symlink(root_ + "/private", root_ + "/hf/hubd");
  auto const refused = choose(root_ + "/hf/hubd");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::bad_request);
  EXPECT_EQ(choose().value(), cache_ + "-hubd");
  EXPECT_EQ(real_->lstat(root_ + "/private")->mode, 0755U);
  EXPECT_TRUE(std::filesystem::is_symlink(root_ + "/hf/hubd"));
}

TEST_F(StateFolderTest, AFolderOfAnotherUserIsNotUsed) {
  if (getuid() != 0) GTEST_SKIP() << "giving a folder away needs root";
  std::filesystem::create_directories(root_ + "/hf/hubd");
  ASSERT_EQ(chown((root_ + "/hf/hubd").c_str(), 65534, 65534), 0);
  auto const refused = choose(root_ + "/hf/hubd");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::permission_denied);
  EXPECT_EQ(choose().value(), cache_ + "-hubd");
}

}  // namespace
}  // namespace hubd::daemon
