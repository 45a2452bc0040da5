// SPDX-License-Identifier: Apache-2.0
#include "core/cache/local_dir.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/core/cache/temp_root.h"

namespace hubd::cache {
namespace {

class StoppedClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return {}; }
  [[nodiscard]] WallTime wall() const override { return wall_; }
  WallTime wall_ = WallTime(std::chrono::microseconds(1'700'000'000'250'000));
};

class LocalDirTest : public TempRoot {
 protected:
  LocalDirTest() { std::filesystem::create_directory(at("dir")); }
  /// The file's time of change, in seconds since 1970.
  void touch(std::string const& path, double seconds) const {
    timespec times[2];
    for (auto& time : times) {
      time.tv_sec = static_cast<time_t>(seconds);
      time.tv_nsec = static_cast<long>((seconds - static_cast<double>(time.tv_sec)) * 1e9);
    }
    ASSERT_EQ(::utimensat(AT_FDCWD, at(path).c_str(), times, 0), 0);
  }
  std::string metadata(std::string const& path) const { return "dir/.cache/huggingface/download/" + path + ".metadata"; }
  std::string lock(std::string const& path) const { return "dir/.cache/huggingface/download/" + path + ".lock"; }

  StoppedClock clock_;
  LocalDir dir_{*files_, *random_, clock_, at("dir")};
  std::string const etag_ = std::string(64, 'e');
};

TEST_F(LocalDirTest, APlacedFileLooksAsTheStockClientLeavesIt) {
  put("source", "bytes");
  ::chmod(at("source").c_str(), 0400);
  auto const before = ::umask(022);
  auto const placed = dir_.place("sub dir/ü.bin", commit('1'), etag_, at("source"), false);
  ::umask(before);
  ASSERT_TRUE(placed) << placed.error().what;
  EXPECT_EQ(text("dir/sub dir/ü.bin"), "bytes");
  EXPECT_EQ(mode("dir/sub dir/ü.bin"), 0644U);
  EXPECT_TRUE(exists("source"));
  EXPECT_EQ(text(metadata("sub dir/ü.bin")), commit('1').hex() + "\n" + etag_ + "\n1700000000.250000\n");
  EXPECT_EQ(mode(lock("sub dir/ü.bin")), 0664U);
  EXPECT_EQ(text("dir/.cache/huggingface/.gitignore"), "*");
  EXPECT_TRUE(text("dir/.cache/huggingface/CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
  EXPECT_EQ(entries("dir/.cache/huggingface/download/sub dir"), 2U);  // no temporary stayed
  EXPECT_EQ(entries("dir"), 2U);
}

TEST_F(LocalDirTest, AMovedFileTakesTheModeOfANewOne) {
  put("partial", "bytes");
  ::chmod(at("partial").c_str(), 0600);
  auto const before = ::umask(027);
  auto const placed = dir_.place("a", commit('1'), etag_, at("partial"), true);
  ::umask(before);
  ASSERT_TRUE(placed) << placed.error().what;
  EXPECT_FALSE(exists("partial"));
  EXPECT_EQ(text("dir/a"), "bytes");
  EXPECT_EQ(mode("dir/a"), 0640U);
}

TEST_F(LocalDirTest, APlacedFileReplacesALinkAndNeverWritesThroughIt) {
  put("mine", "do not touch");
  link("dir/a", at("mine"));
  put("source", "bytes");
  ASSERT_TRUE(dir_.place("a", commit('1'), etag_, at("source"), false));
  EXPECT_EQ(text("mine"), "do not touch");
  EXPECT_EQ(text("dir/a"), "bytes");
  EXPECT_FALSE(std::filesystem::is_symlink(at("dir/a")));
}

TEST_F(LocalDirTest, MetadataCountsOnlyWhileTheFileIsNotNewer) {
  EXPECT_EQ(dir_.find("a").value(), std::nullopt);
  put("dir/a", "bytes");
  EXPECT_FALSE(dir_.find("a").value()->metadata);
  ASSERT_TRUE(dir_.note("a", commit('1'), etag_));
  touch("dir/a", 1'700'000'001.0);
  auto const found = dir_.find("a").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->stat.size, 5U);
  ASSERT_TRUE(found->metadata);
  EXPECT_EQ(found->metadata->commit, commit('1').hex());
  EXPECT_EQ(found->metadata->etag, etag_);
  touch("dir/a", 1'700'000'001.5);
  EXPECT_FALSE(dir_.find("a").value()->metadata);
}

TEST_F(LocalDirTest, WhatAPythonFloatLooksLikeIsRead) {
  put("dir/a", "bytes");
  touch("dir/a", 100);
  for (auto const* time : {"1700000000.1234567", "1700000000", "1.7e9", " 1700000000.0 "}) {
    put(metadata("a"), commit('1').hex() + "\n" + etag_ + "\n" + time + "\n");
    EXPECT_TRUE(dir_.find("a").value()->metadata) << time;
  }
}

TEST_F(LocalDirTest, UnparsableMetadataIsRemoved) {
  put("dir/a", "bytes");
  touch("dir/a", 100);
  for (auto const& broken : {std::string(), std::string("x"), commit('1').hex() + "\n" + etag_ + "\n",
                             commit('1').hex() + "\n" + etag_ + "\nsoon\n", commit('1').hex() + "\n\n1\n"}) {
    put(metadata("a"), broken);
    EXPECT_FALSE(dir_.find("a").value()->metadata);
    EXPECT_FALSE(exists(metadata("a"))) << broken;
  }
}

TEST_F(LocalDirTest, MetadataThatSomebodyIsWritingIsLeftAlone) {
  put("dir/a", "bytes");
  put(metadata("a"), commit('1').hex() + "\n");
  auto const held = files_->try_lock(at(lock("a"))).value();
  ASSERT_TRUE(held);
  EXPECT_FALSE(dir_.find("a").value()->metadata);
  EXPECT_TRUE(exists(metadata("a")));
  put("source", "new");
  EXPECT_EQ(dir_.note("a", commit('1'), etag_).error().kind, ErrorKind::busy);
  EXPECT_EQ(dir_.place("a", commit('1'), etag_, at("source"), true).error().kind, ErrorKind::busy);
  EXPECT_EQ(text("dir/a"), "bytes");
  EXPECT_EQ(text("source"), "new");
}

TEST_F(LocalDirTest, PathsNeverLeaveTheFolder) {
  put("source", "x");
  for (auto const* path : {"../a", "a/../../b", "/etc/x", ""}) {
    EXPECT_EQ(dir_.place(path, commit('1'), etag_, at("source"), false).error().kind, ErrorKind::bad_request);
    EXPECT_EQ(dir_.note(path, commit('1'), etag_).error().kind, ErrorKind::bad_request);
    EXPECT_EQ(dir_.find(path).error().kind, ErrorKind::bad_request);
  }
  EXPECT_EQ(dir_.place("a", commit('1'), "../../x", at("source"), false).error().kind, ErrorKind::bad_request);
  EXPECT_EQ(entries("dir"), 0U);
}

TEST_F(LocalDirTest, AFailedPlaceLeavesNoTemporary) {
  put("source", "x");
  put("dir/a/in the way", "");
  EXPECT_FALSE(dir_.place("a", commit('1'), etag_, at("source"), false));
  EXPECT_EQ(dir_.place("b", commit('1'), etag_, at("absent"), false).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(entries("dir/.cache/huggingface/download"), 2U);  // the two locks
}

TEST_F(LocalDirTest, ListingsLieBesideTheMetadata) {
  ListedFile file;
  file.path = "a";
  file.blob_id = std::string(40, 'a');
  EXPECT_EQ(dir_.read_tree(commit('1')).value(), std::nullopt);
  ASSERT_TRUE(dir_.write_tree(commit('1'), {file}));
  EXPECT_EQ(dir_.read_tree(commit('1')).value(), Listing{file});
  EXPECT_TRUE(exists("dir/.cache/huggingface/trees/" + commit('1').hex() + ".json"));
}

}  // namespace
}  // namespace hubd::cache
