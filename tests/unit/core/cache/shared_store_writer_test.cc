// SPDX-License-Identifier: Apache-2.0
#include "core/cache/shared_store_writer.h"

#include <sys/stat.h>

#include "core/cache/cache.h"
#include "core/cache/scan.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/unit/core/cache/temp_root.h"

namespace hubd::cache {
namespace {

class SharedStoreWriterTest : public TempRoot {
 protected:
  SharedStoreWriterTest() { ::chmod(root_.c_str(), 0755); }

  std::unique_ptr<Cache> make(fs::FileSystem& files, Cache::SharedStoreUse use = Cache::SharedStoreUse::write) {
    Cache::Options options;
    options.root = root_;
    options.shared_store = use;
    return std::make_unique<Cache>(files, *random_, options, [] { return Result<void>(); });
  }
  void publish(std::string const& content, std::string const& etag) {
    put(".locks/.hubd/one.partial", content);
    auto const path = at(".locks/.hubd/one.partial");
    auto const file = files_->open(path, fs::OpenMode::read_write).value();
    ASSERT_TRUE(cache_->publish_blob(repo_, etag, path, *file));
  }
  Result<std::optional<fs::Stat>> share(bool trusted = false) {
    return cache_->share_blob(repo_, etag_, hash_, kSize, [=](fs::Stat const&) { return trusted; });
  }
  std::string blob() const { return folder_ + "/blobs/" + etag_; }
  fs::Stat stat(std::string const& path) const { return files_->stat(at(path)).value(); }

  static constexpr Bytes kSize = 12;
  std::unique_ptr<Cache> cache_ = make(*files_);
  std::string const etag_ = std::string(64, 'f');
  std::string const hash_ = "ab" + std::string(62, '1');
  std::string const payload_ = "blobs/ab/" + hash_;
  std::string const line_ = folder_ + "/blobs/" + etag_ + "\n";
};

TEST_F(SharedStoreWriterTest, APublishedBlobBecomesALinkToItsPayloadAsTheStockClientLeavesIt) {
  auto const before = ::umask(077);  // modes follow the root, not the umask
  publish("shared bytes", etag_);
  auto const inode = stat(blob()).inode;
  auto const shared = share();
  ::umask(before);
  ASSERT_TRUE(shared) << shared.error().what;
  ASSERT_TRUE(*shared);
  EXPECT_EQ((*shared)->inode, inode) << "moved, not copied";
  EXPECT_EQ((*shared)->links, 1U);
  EXPECT_EQ(text("blobs/.huggingface-shared-blobs"), "1\n");
  EXPECT_EQ(mode("blobs/.huggingface-shared-blobs"), 0444U);
  EXPECT_EQ(mode("blobs"), 0755U);
  EXPECT_EQ(mode("blobs/ab"), 0755U);
  EXPECT_EQ(mode(payload_), 0444U);
  EXPECT_EQ(mode(payload_ + ".lock"), 0666U);
  EXPECT_EQ(mode(payload_ + ".refs"), 0666U);
  EXPECT_EQ(text(payload_ + ".refs"), line_);
  EXPECT_EQ(link_text(blob()), "../../blobs/ab/" + hash_);
  EXPECT_EQ(text(blob()), "shared bytes");
  EXPECT_EQ(entries("blobs"), 2U) << "marker and shelf";
  EXPECT_EQ(entries("blobs/ab"), 3U);
  EXPECT_EQ(entries(".locks/" + folder_), 0U) << "no temporary stays";
  EXPECT_EQ(scan(*files_, root_).value().warnings, std::vector<std::string>{});
}

TEST_F(SharedStoreWriterTest, ModesFollowTheRoot) {
  struct Case {
    mode_t root;
    unsigned folder;
    unsigned payload;
  };
  for (auto const& one : {Case{0700, 0700, 0400}, Case{0750, 0750, 0440}, Case{02775, 02775, 0444}}) {
    SCOPED_TRACE(one.root);
    std::filesystem::remove_all(at("blobs"));
    ::chmod(root_.c_str(), one.root);
    publish("shared bytes", etag_);
    ASSERT_TRUE(share().value());
    EXPECT_EQ(mode("blobs/ab"), one.folder);
    EXPECT_EQ(mode(payload_), one.payload);
  }
}

TEST_F(SharedStoreWriterTest, OtherNamesOfTheInodeKeepTheirMode) {
  publish("shared bytes", etag_);
  auto const other = folder_ + "/blobs/" + std::string(64, 'e');
  std::filesystem::create_hard_link(at(blob()), at(other));
  auto const was = mode(other);
  auto const shared = share();
  ASSERT_TRUE(shared) << shared.error().what;
  ASSERT_TRUE(*shared);
  EXPECT_EQ(mode(other), was);
  EXPECT_EQ(stat(other).links, 1U);
  EXPECT_NE(stat(other).inode, (*shared)->inode);
  EXPECT_EQ(mode(payload_), 0444U);
  EXPECT_EQ(text(payload_), "shared bytes");
  EXPECT_EQ(text(other), "shared bytes");
}

TEST_F(SharedStoreWriterTest, ATrustedPayloadIsKeptAndAnyOtherReplaced) {
  put(payload_, "THEIR BYTES!");
  put("blobs/.huggingface-shared-blobs", "1\n");
  auto const theirs = stat(payload_).inode;
  publish("shared bytes", etag_);
  ASSERT_TRUE(share(true).value());
  EXPECT_EQ(stat(blob()).inode, theirs);
  publish("shared bytes", etag_);
  ASSERT_TRUE(share(false).value());
  EXPECT_EQ(text(payload_), "shared bytes");
  EXPECT_EQ(text(payload_ + ".refs"), line_ + line_) << "repeated lines are ordinary";
}

TEST_F(SharedStoreWriterTest, WhatStandsInTheWayLeavesTheBlobAsItWas) {
  publish("shared bytes", etag_);
  auto const expect_untouched = [&](std::string const& why) {
    auto const shared = share();
    ASSERT_TRUE(shared) << why << ": " << shared.error().what;
    EXPECT_FALSE(*shared) << why;
    EXPECT_EQ(files_->lstat(at(blob()))->type, fs::Stat::Type::regular) << why;
    EXPECT_EQ(mode(blob()), 0644U) << why;
  };
  put("blobs/something", "else");
  expect_untouched("a folder of that name that is no store");
  EXPECT_FALSE(exists("blobs/.huggingface-shared-blobs"));
  put("blobs/.huggingface-shared-blobs", "2\n");
  expect_untouched("a store of another version");
  put("blobs/.huggingface-shared-blobs", "1\n");
  std::filesystem::create_directories(at("blobs/ab"));
  {
    auto const held = files_->try_lock(at(payload_) + ".lock", 0666);
    ASSERT_TRUE(held && *held);
    expect_untouched("somebody works on the payload");
  }
  cache_ = make(*files_, Cache::SharedStoreUse::read);
  expect_untouched("not wanted");
  cache_ = make(*files_);
  EXPECT_TRUE(share().value()) << "and then nothing does";
}

TEST_F(SharedStoreWriterTest, AnAbandonedMarkerIsNoHindrance) {
  put("blobs/.huggingface-shared-blobs.0123abcd.tmp", "1\n");
  publish("shared bytes", etag_);
  EXPECT_TRUE(share().value());
}

TEST_F(SharedStoreWriterTest, ALineThatACrashCutShortDoesNotSwallowTheNext) {
  put("blobs/.huggingface-shared-blobs", "1\n");
  put(payload_ + ".refs", "models--o--n/blobs/ab");
  publish("shared bytes", etag_);
  ASSERT_TRUE(share().value());
  EXPECT_EQ(text(payload_ + ".refs"), "models--o--n/blobs/ab\n" + line_);
}

TEST_F(SharedStoreWriterTest, APayloadServesTheNextRepoByALinkThatCounts) {
  publish("shared bytes", etag_);
  ASSERT_TRUE(share().value());
  RepoRef const other{"https://hub", RepoType::dataset, "org/other"};
  auto const linked = cache_->link_from_shared_store(other, etag_, hash_, kSize);
  ASSERT_TRUE(linked) << linked.error().what;
  ASSERT_TRUE(*linked);
  EXPECT_EQ(link_text("datasets--org--other/blobs/" + etag_), "../../blobs/ab/" + hash_);
  SharedStore store(*files_, root_);
  EXPECT_EQ(store.references(hash_).value()->size(), 2U);
  EXPECT_FALSE(store.collect(*random_, hash_).value());
  std::filesystem::remove(at(blob()));
  std::filesystem::remove(at("datasets--org--other/blobs/" + etag_));
  EXPECT_TRUE(store.collect(*random_, hash_).value());
  EXPECT_FALSE(cache_->link_from_shared_store(other, etag_, hash_, kSize).value()) << "gone with its last user";
}

/// Fails the Nth change and every one after it, as a disk that went away.
class Failing final : public support::ForwardingFileSystem {
 public:
  Failing(fs::FileSystem& inner, int good) : ForwardingFileSystem(inner), inner_(inner), good_(good) {}
  Result<void> link(std::string const& target, std::string const& path) override { return gone() ? refused() : inner_.link(target, path); }
  Result<void> rename(std::string const& from, std::string const& to) override { return gone() ? refused() : inner_.rename(from, to); }
  Result<void> symlink(std::string const& target, std::string const& path) override { return gone() ? refused() : inner_.symlink(target, path); }
  Result<void> copy(std::string const& from, std::string const& to) override { return gone() ? refused() : inner_.copy(from, to); }
  [[nodiscard]] bool failed() const { return good_ < 0; }

 private:
  bool gone() { return --good_ < 0; }
  static Result<void> refused() { return fail(ErrorKind::io, "the disk is gone"); }
  fs::FileSystem& inner_;
  int good_;
};

TEST_F(SharedStoreWriterTest, WhicheverStepFailsTheBlobCanBeRead) {
  for (int good = 0; good < 20; ++good) {
    SCOPED_TRACE(good);
    std::filesystem::remove_all(at("blobs"));
    publish("shared bytes", etag_);
    Failing files(*files_, good);
    auto const shared = make(files)->share_blob(repo_, etag_, hash_, kSize, [](fs::Stat const&) { return false; });
    EXPECT_EQ(text(blob()), "shared bytes");
    if (!files.failed()) {
      ASSERT_TRUE(shared && *shared);
      return;
    }
    EXPECT_FALSE(shared);
  }
  FAIL() << "never came through";
}

}  // namespace
}  // namespace hubd::cache
