// SPDX-License-Identifier: Apache-2.0
#include "client/mounts.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace hubd::client {
namespace {

std::string const kId(32, 'a');

class CacheViewTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "hubd-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder_.data()));
    make_cache("mounted", kId);
    make_cache("other", std::string(32, 'b'));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void make_cache(std::string const& name, std::string const& id) const {
    std::filesystem::create_directories(folder_ + "/" + name + "/.locks");
    std::filesystem::create_directories(folder_ + "/" + name + "/repo");
    std::ofstream(folder_ + "/" + name + "/.locks/.hubd-owner") << "pid=1\nroot_id=" << id << "\n";
  }
  [[nodiscard]] std::string at(std::string const& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

TEST(MountsFrom, ReadsPairsOfAbsolutePaths) {
  auto const mounts = mounts_from({{"HUBD_MOUNT_MAP", "/a=/b::/c/d=/e=f"}});
  ASSERT_TRUE(mounts);
  ASSERT_EQ(2U, mounts->size());
  EXPECT_EQ("/a", (*mounts)[0].host);
  EXPECT_EQ("/b", (*mounts)[0].here);
  EXPECT_EQ("/e=f", (*mounts)[1].here);
  EXPECT_TRUE(mounts_from({})->empty());
}

TEST(MountsFrom, RefusesWhatIsNoPath) {
  for (auto const* const text : {"a=/b", "/a=b", "/a", "="}) {
    auto const mounts = mounts_from({{"HUBD_MOUNT_MAP", text}});
    ASSERT_FALSE(mounts) << text;
    EXPECT_EQ(ErrorKind::bad_request, mounts.error().kind);
  }
}

TEST_F(CacheViewTest, TheIdNamesTheCacheWhateverItsPath) {
  CacheView const view("/host/hub", kId, {{"/host", "/wrong"}});
  EXPECT_TRUE(view.is_at(at("mounted")));
  EXPECT_FALSE(view.is_at(at("other")));
  EXPECT_FALSE(view.is_at(at("absent")));
  EXPECT_EQ(at("mounted/repo"), *view.find("/host/hub/repo", at("mounted")));
  EXPECT_EQ(at("mounted/later"), view.seen("/host/hub/later", at("mounted")));
}

TEST_F(CacheViewTest, TheMapNamesACacheWhoseIdIsNotToBeSeen) {
  std::filesystem::remove_all(at("mounted/.locks"));
  CacheView const view("/host/hub", kId, {{"/host", "/wrong"}, {"/host/hub/", at("mounted/")}});
  EXPECT_TRUE(view.is_at(at("mounted")));
  EXPECT_EQ(at("mounted/repo"), *view.find("/host/hub/repo", at("mounted")));
  EXPECT_FALSE(CacheView("/host/hub", kId, {}).is_at(at("mounted")));
}

TEST_F(CacheViewTest, APartOfTheCacheIsFoundAlone) {
  CacheView const view("/host/hub", kId, {{"/host/hub/one", at("mounted")}});
  EXPECT_TRUE(view.is_mapped());
  EXPECT_FALSE(CacheView("/host/hub", kId, {{"/host/hubs", "/x"}}).is_mapped());
  EXPECT_EQ(at("mounted/repo"), *view.find("/host/hub/one/repo", "/nowhere"));
}

TEST_F(CacheViewTest, AnotherCacheAtHubdsOwnPathIsNotTakenForIt) {
  CacheView const view(at("other"), kId, {{at("other"), at("mounted")}});
  EXPECT_EQ(at("mounted/repo"), *view.find(at("other/repo"), at("other")));
}

TEST_F(CacheViewTest, WhatIsNotToBeSeenIsATypedError) {
  CacheView const view("/host/hub", kId, {{"/host", "/mnt/host"}});
  auto const found = view.find("/host/hub/repo", "/nowhere");
  ASSERT_FALSE(found);
  EXPECT_EQ(ErrorKind::not_mounted, found.error().kind);
  for (auto const* const part : {"/host/hub/repo", "/mnt/host/hub/repo", "HUBD_MOUNT_MAP"})
    EXPECT_NE(std::string::npos, found.error().message.find(part)) << part;
}

TEST(CacheView, TellsHubdFoldersAsTheHostHasThem) {
  CacheView const view("/host/hub", kId, {{"/srv", "/mnt"}, {"/srv/data/deep", "/mnt/out"}});
  EXPECT_EQ("/srv/data/deep/x", view.told("/mnt/out/x"));
  EXPECT_EQ("/srv/outer", view.told("/mnt/outer"));
  EXPECT_EQ("/tmp/x", view.told("/tmp/x"));
}

}  // namespace
}  // namespace hubd::client
