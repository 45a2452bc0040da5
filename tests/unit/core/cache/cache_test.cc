// SPDX-License-Identifier: Apache-2.0
#include "core/cache/cache.h"

#include <sys/stat.h>

#include "core/cache/scan.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/unit/core/cache/temp_root.h"

namespace hubd::cache {
namespace {

class CacheTest : public TempRoot {
 protected:
  Result<void> allowed() {
    ++asked_;
    if (owned_) return {};
    return fail(ErrorKind::busy, "another hubd owns the cache");
  }
  std::unique_ptr<Cache> make(fs::FileSystem& files, Cache::SharedStoreUse use = Cache::SharedStoreUse::read) {
    Cache::Options options;
    options.root = root_;
    options.shared_store = use;
    return std::make_unique<Cache>(files, *random_, options, [this] { return allowed(); });
  }
  /// A verified partial as the engine has it: outside of the repo, mode 0600.
  std::string partial(std::string const& content) {
    auto const path = ".locks/.hubd/" + random_->hex(8) + ".partial";
    put(path, content);
    ::chmod(at(path).c_str(), 0600);
    return at(path);
  }
  Result<fs::Stat> publish(Cache& cache, std::string const& etag, std::string const& content) {
    auto const path = partial(content);
    auto const file = files_->open(path, fs::OpenMode::read_write).value();
    return cache.publish_blob(repo_, etag, path, *file);
  }
  std::string blob(std::string const& etag) const { return folder_ + "/blobs/" + etag; }
  std::string snapshot(char digit) const { return folder_ + "/snapshots/" + commit(digit).hex(); }
  std::vector<std::string> warnings() { return scan(*files_, root_).value().warnings; }

  bool owned_ = true;
  int asked_ = 0;
  std::unique_ptr<Cache> cache_ = make(*files_);
  std::string const etag_ = std::string(40, 'e');
  std::string const other_ = std::string(64, 'f');
};

TEST_F(CacheTest, APublishedFileLooksAsTheStockClientLeavesIt) {
  auto const before = ::umask(027);
  auto const stat = publish(*cache_, etag_, "hello");
  ASSERT_TRUE(stat) << stat.error().what;
  ASSERT_TRUE(cache_->write_pointer(repo_, commit('1'), "sub dir/ü.txt", etag_));
  ASSERT_TRUE(cache_->write_ref(repo_, "refs/pr/1", commit('1')));
  ::umask(before);
  EXPECT_EQ(stat->size, 5U);
  EXPECT_EQ(mode(blob(etag_)), 0640U);
  EXPECT_EQ(link_text(snapshot('1') + "/sub dir/ü.txt"), "../../../blobs/" + etag_);
  EXPECT_EQ(text(snapshot('1') + "/sub dir/ü.txt"), "hello");
  EXPECT_EQ(text(folder_ + "/refs/refs/pr/1"), commit('1').hex());
  EXPECT_TRUE(text("CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
  EXPECT_EQ(entries(folder_), 3U);
  EXPECT_EQ(entries(folder_ + "/blobs"), 1U);
  EXPECT_EQ(entries(folder_ + "/refs/refs/pr"), 1U);
  EXPECT_EQ(entries(".locks/" + folder_), 0U);  // no temporary stayed
  EXPECT_TRUE(cache_->sync(repo_, commit('1')));
  EXPECT_TRUE(warnings().empty());
}

TEST_F(CacheTest, WhatWasDeletedMeanwhileHasNoNamesToMakeDurable) {
  ASSERT_TRUE(publish(*cache_, etag_, "hello"));
  ASSERT_TRUE(cache_->write_pointer(repo_, commit('1'), "a.txt", etag_));
  ASSERT_TRUE(files_->remove_tree(at(snapshot('1'))));
  EXPECT_TRUE(cache_->sync(repo_, commit('1')));
  ASSERT_TRUE(files_->remove_tree(at(folder_)));
  EXPECT_TRUE(cache_->sync(repo_, commit('1')));
}

TEST_F(CacheTest, PublishingReplacesWhatIsThere) {
  ASSERT_TRUE(publish(*cache_, etag_, "edited by somebody"));
  ASSERT_TRUE(publish(*cache_, etag_, "right"));
  EXPECT_EQ(text(blob(etag_)), "right");
  // A link into the store is replaced, never written through.
  put("payload", "shared");
  link(blob(other_), "../../payload");
  ASSERT_TRUE(publish(*cache_, other_, "own"));
  EXPECT_EQ(text(blob(other_)), "own");
  EXPECT_EQ(text("payload"), "shared");
}

TEST_F(CacheTest, PublishingASecondNameOfTheBlobRemovesThatName) {
  ASSERT_TRUE(publish(*cache_, etag_, "same"));
  auto const twin = at(".locks/twin");
  std::filesystem::create_hard_link(at(blob(etag_)), twin);
  auto const file = files_->open(twin, fs::OpenMode::read_write).value();
  ASSERT_TRUE(cache_->publish_blob(repo_, etag_, twin, *file));
  EXPECT_FALSE(exists(".locks/twin"));
  EXPECT_EQ(text(blob(etag_)), "same");
}

TEST_F(CacheTest, AFailedPublishKeepsThePartial) {
  put(blob(etag_) + "/in the way", "a folder where the blob should be");
  auto const path = partial("precious");
  auto const file = files_->open(path, fs::OpenMode::read_write).value();
  EXPECT_FALSE(cache_->publish_blob(repo_, etag_, path, *file));
  EXPECT_TRUE(std::filesystem::exists(path));
  put("holder", "bytes");
  EXPECT_FALSE(cache_->link_blob(repo_, etag_, at("holder"), true));
  EXPECT_FALSE(cache_->link_blob(repo_, etag_, at("holder"), false));
  EXPECT_EQ(entries(".locks/" + folder_), 0U) << "what is not ours to keep is not left behind";
}

TEST_F(CacheTest, NothingChangesWithoutTheOwnerLock) {
  ASSERT_TRUE(publish(*cache_, etag_, "old"));
  owned_ = false;
  auto const path = partial("new");
  auto const file = files_->open(path, fs::OpenMode::read_write).value();
  for (auto const kind : {cache_->publish_blob(repo_, etag_, path, *file).error().kind,
                          cache_->link_blob(repo_, other_, at(blob(etag_)), true).error().kind,
                          cache_->link_from_shared_store(repo_, other_, std::string(64, 'a'), 1).error().kind,
                          cache_->write_pointer(repo_, commit('1'), "a", etag_).error().kind,
                          cache_->write_ref(repo_, "main", commit('1')).error().kind,
                          cache_->write_tree(repo_, commit('1'), {}).error().kind,
                          cache_->mark_absent(repo_, commit('1'), "a").error().kind,
                          cache_->remove_blob(repo_, etag_).error().kind})
    EXPECT_EQ(kind, ErrorKind::busy);
  EXPECT_EQ(text(blob(etag_)), "old");
  EXPECT_EQ(entries(folder_ + "/snapshots"), 0U);
  EXPECT_FALSE(exists(folder_ + "/refs"));
}

TEST_F(CacheTest, AHardLinkedBlobIsOneInode) {
  RepoRef const second{"https://hub", RepoType::dataset, "org/other"};
  ASSERT_TRUE(publish(*cache_, other_, "weights"));
  auto const linked = cache_->link_blob(second, other_, at(blob(other_)), true);
  ASSERT_TRUE(linked) << linked.error().what;
  EXPECT_EQ(linked->links, 2U);
  EXPECT_EQ(linked->inode, files_->lstat(at(blob(other_)))->inode);
  auto const again = cache_->link_blob(second, other_, at(blob(other_)), true);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->links, 2U);
  auto const copied = cache_->link_blob(second, etag_, at(blob(other_)), false);
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->links, 1U);
  EXPECT_EQ(text("datasets--org--other/blobs/" + etag_), "weights");
  EXPECT_EQ(entries(".locks/datasets--org--other"), 0U);
}

TEST_F(CacheTest, LinkingFollowsALinkToTheBytesThemselves) {
  put("models--a--b/blobs/real", "bytes");
  link("models--a--b/blobs/name", "real");
  auto const linked = cache_->link_blob(repo_, etag_, at("models--a--b/blobs/name"), true);
  ASSERT_TRUE(linked);
  EXPECT_EQ(linked->type, fs::Stat::Type::regular);
  EXPECT_EQ(linked->links, 2U);
  EXPECT_EQ(cache_->link_blob(repo_, other_, at("gone"), true).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(cache_->link_blob(repo_, other_, at("gone"), false).error().kind, ErrorKind::local_entry_not_found);
}

TEST_F(CacheTest, APointerReplacesARegularFileAndAnotherLink) {
  ASSERT_TRUE(publish(*cache_, etag_, "new"));
  put(snapshot('1') + "/a", "copied there by a client without symlinks");
  link(snapshot('1') + "/b", "../../blobs/" + other_);
  ASSERT_TRUE(cache_->write_pointer(repo_, commit('1'), "a", etag_));
  ASSERT_TRUE(cache_->write_pointer(repo_, commit('1'), "b", etag_));
  EXPECT_EQ(link_text(snapshot('1') + "/a"), "../../blobs/" + etag_);
  EXPECT_EQ(link_text(snapshot('1') + "/b"), "../../blobs/" + etag_);
  EXPECT_EQ(entries(snapshot('1')), 2U);
  EXPECT_EQ(entries(".locks/" + folder_), 0U);
  // What is right already is left alone: the same inode afterwards.
  auto const before = files_->lstat(at(snapshot('1') + "/a"))->inode;
  ASSERT_TRUE(cache_->write_pointer(repo_, commit('1'), "a", etag_));
  EXPECT_EQ(files_->lstat(at(snapshot('1') + "/a"))->inode, before);
}

TEST_F(CacheTest, NoPointerWithoutItsBlob) {
  auto const absent = cache_->write_pointer(repo_, commit('1'), "a", etag_);
  EXPECT_EQ(absent.error().kind, ErrorKind::local_entry_not_found);
  link(blob(etag_), "../../blobs/aa/gone");
  EXPECT_EQ(cache_->write_pointer(repo_, commit('1'), "a", etag_).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_FALSE(exists(snapshot('1') + "/a"));
}

TEST_F(CacheTest, PathsNeverLeaveTheSnapshot) {
  ASSERT_TRUE(publish(*cache_, etag_, "x"));
  for (auto const* path : {"../a", "a/../../b", "/etc/passwd", "a//b", "", "."}) {
    EXPECT_EQ(cache_->write_pointer(repo_, commit('1'), path, etag_).error().kind, ErrorKind::bad_request) << path;
    EXPECT_EQ(cache_->mark_absent(repo_, commit('1'), path).error().kind, ErrorKind::bad_request) << path;
    EXPECT_EQ(cache_->find_file(repo_, commit('1'), path).error().kind, ErrorKind::bad_request) << path;
  }
  EXPECT_EQ(cache_->write_ref(repo_, "../../x", commit('1')).error().kind, ErrorKind::bad_request);
  EXPECT_EQ(cache_->read_ref(repo_, "..").error().kind, ErrorKind::bad_request);
  EXPECT_EQ(publish(*cache_, "../x", "x").error().kind, ErrorKind::bad_request);
  EXPECT_EQ(cache_->try_lock(repo_, "a/b").error().kind, ErrorKind::bad_request);
  EXPECT_EQ(cache_->remove_blob(repo_, "..").error().kind, ErrorKind::bad_request);
}

TEST_F(CacheTest, RefsAreReadAsAnybodyWritesThem) {
  put(folder_ + "/refs/plain", commit('1').hex());
  put(folder_ + "/refs/newline", commit('2').hex() + "\n");
  put(folder_ + "/refs/short", "abc");
  put(folder_ + "/refs/huge", std::string(10'000, '1'));
  put(folder_ + "/refs/folder/x", commit('3').hex());
  ASSERT_EQ(::mkfifo(at(folder_ + "/refs/fifo").c_str(), 0600), 0);
  EXPECT_EQ(cache_->read_ref(repo_, "plain").value(), commit('1'));
  EXPECT_EQ(cache_->read_ref(repo_, "newline").value(), commit('2'));
  EXPECT_EQ(cache_->read_ref(repo_, "folder/x").value(), commit('3'));
  for (auto const* name : {"short", "huge", "folder", "fifo", "absent", "plain/below"})
    EXPECT_EQ(cache_->read_ref(repo_, name).value(), std::nullopt) << name;
}

TEST_F(CacheTest, ARefComesWithItsSnapshotFolderAndIsRewrittenOnlyWhenItDiffers) {
  ASSERT_TRUE(cache_->write_ref(repo_, "main", commit('1')));
  EXPECT_TRUE(exists(snapshot('1')));
  EXPECT_TRUE(warnings().empty());
  auto const before = files_->lstat(at(folder_ + "/refs/main"))->inode;
  auto const asked = asked_;
  ASSERT_TRUE(cache_->write_ref(repo_, "main", commit('1')));
  EXPECT_EQ(files_->lstat(at(folder_ + "/refs/main"))->inode, before);
  EXPECT_EQ(asked_, asked);
  // A newline would break stock readers.
  put(folder_ + "/refs/main", commit('1').hex() + "\n");
  ASSERT_TRUE(cache_->write_ref(repo_, "main", commit('1')));
  EXPECT_EQ(text(folder_ + "/refs/main"), commit('1').hex());
  ASSERT_TRUE(cache_->write_ref(repo_, commit('2').hex(), commit('2')));
  EXPECT_EQ(entries(folder_ + "/refs"), 1U);
  std::filesystem::remove(at(snapshot('1')));
  ASSERT_TRUE(cache_->write_ref(repo_, "main", commit('1')));
  EXPECT_TRUE(exists(snapshot('1')));
}

TEST_F(CacheTest, AShortCommitIsFoundWhenItIsUnambiguous) {
  for (auto const& name : {"abcdef0" + std::string(33, '1'), "abcdef0" + std::string(33, '2'), "1234567" + std::string(33, '0')})
    put(folder_ + "/snapshots/" + name + "/f", "");
  put(folder_ + "/snapshots/1234567x", "no commit");
  EXPECT_EQ(cache_->find_commit(repo_, "1234567").value()->hex(), "1234567" + std::string(33, '0'));
  EXPECT_EQ(cache_->find_commit(repo_, "abcdef02").value()->hex(), "abcdef0" + std::string(33, '2'));
  EXPECT_EQ(cache_->find_commit(repo_, "abcdef0").value(), std::nullopt);
  EXPECT_EQ(cache_->find_commit(repo_, "123456").value(), std::nullopt);
  EXPECT_EQ(cache_->find_commit({"", RepoType::space, "no/such"}, "1234567").value(), std::nullopt);
}

TEST_F(CacheTest, ListingsAndAbsencesAreKept) {
  ListedFile file;
  file.path = "a b/ü.json";
  file.size = 3;
  file.blob_id = std::string(40, 'a');
  EXPECT_EQ(cache_->read_tree(repo_, commit('1')).value(), std::nullopt);
  ASSERT_TRUE(cache_->write_tree(repo_, commit('1'), {file}));
  EXPECT_EQ(cache_->read_tree(repo_, commit('1')).value(), Listing{file});
  ASSERT_TRUE(cache_->write_tree(repo_, commit('1'), {}));  // immutable
  EXPECT_EQ(cache_->read_tree(repo_, commit('1')).value(), Listing{file});
  file.xet_hash = std::string(64, '*');
  ASSERT_TRUE(cache_->write_tree(repo_, commit('2'), {file}));
  EXPECT_FALSE(exists(folder_ + "/trees/" + commit('2').hex() + ".json"));

  EXPECT_FALSE(cache_->marked_absent(repo_, commit('1'), "x/y").value());
  ASSERT_TRUE(cache_->mark_absent(repo_, commit('1'), "x/y"));
  ASSERT_TRUE(cache_->mark_absent(repo_, commit('1'), "x/y"));
  EXPECT_TRUE(cache_->marked_absent(repo_, commit('1'), "x/y").value());
  EXPECT_FALSE(cache_->marked_absent(repo_, commit('1'), "x").value());
  EXPECT_TRUE(warnings().empty());
}

TEST_F(CacheTest, AFileIsFoundInEveryFormThatStockClientsLeave) {
  put(blob(etag_), "blob");
  put("blobs/.huggingface-shared-blobs", "1\n");
  auto const hash = std::string(64, 'a');
  put("blobs/aa/" + hash, "payload!");
  link(blob(other_), "../../blobs/aa/" + hash);
  link(snapshot('1') + "/linked", "../../blobs/" + etag_);
  link(snapshot('1') + "/d/shared", "../../../blobs/" + other_);
  put(snapshot('1') + "/moved", "moved here");
  link(snapshot('1') + "/dangling", "../../blobs/" + std::string(40, '0'));
  link(snapshot('1') + "/elsewhere", "../../../blobs/aa/" + hash);
  link(snapshot('1') + "/loop", "loop");
  link(snapshot('1') + "/folder", "d");

  auto const linked = cache_->find_file(repo_, commit('1'), "linked").value();
  ASSERT_TRUE(linked);
  EXPECT_EQ(linked->blob, at(blob(etag_)));
  EXPECT_EQ(linked->etag, etag_);
  EXPECT_EQ(linked->stat.size, 4U);
  auto const shared = cache_->find_file(repo_, commit('1'), "d/shared").value();
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->blob, at(blob(other_)));
  EXPECT_EQ(shared->stat.type, fs::Stat::Type::regular);
  EXPECT_EQ(shared->stat.size, 8U);
  auto const moved = cache_->find_file(repo_, commit('1'), "moved").value();
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->blob, at(snapshot('1') + "/moved"));
  EXPECT_EQ(moved->etag, "");
  auto const elsewhere = cache_->find_file(repo_, commit('1'), "elsewhere").value();
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(elsewhere->etag, "");
  for (auto const* path : {"dangling", "absent", "absent/x", "linked/x", "d", "folder"}) {
    auto const found = cache_->find_file(repo_, commit('1'), path);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_FALSE(*found) << path;
  }
  EXPECT_FALSE(cache_->find_file(repo_, commit('1'), "loop")) << "a loop is the disk's fault, not an absence";

  EXPECT_EQ(cache_->find_blob(repo_, other_).value()->size, 8U);
  EXPECT_EQ(cache_->find_blob(repo_, std::string(40, '0')).value(), std::nullopt);
  put(blob(etag_) + ".12345678.incomplete", "");
  using Blobs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(cache_->all_blobs().value(), (Blobs{{etag_, at(blob(etag_))}, {other_, at(blob(other_))}}));
}

TEST_F(CacheTest, ALockExcludesOthersAndNamesItsHolder) {
  auto lock = cache_->try_lock(repo_, etag_);
  ASSERT_TRUE(lock);
  ASSERT_TRUE(*lock);
  EXPECT_EQ(mode(".locks/" + folder_ + "/" + etag_ + ".lock"), 0664U);
  auto const second = cache_->try_lock(repo_, etag_);
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
  auto const holder = cache_->lock_holder(repo_, etag_);
  auto const own = "pid " + std::to_string(getpid()) + " (";
  EXPECT_TRUE(holder.starts_with(own) || holder == "another process") << holder;
  EXPECT_EQ(cache_->lock_holder(repo_, other_), "another process");
  // Some stock releases unlink the lock file: then it protects nothing, and the next one gets it.
  std::filesystem::remove(at(".locks/" + folder_ + "/" + etag_ + ".lock"));
  EXPECT_FALSE((*lock)->still_valid().value());
  auto const third = cache_->try_lock(repo_, etag_);
  ASSERT_TRUE(third);
  EXPECT_TRUE(*third);
}

TEST_F(CacheTest, APayloadOfTheSharedStoreIsLinkedOnlyWhenUsable) {
  auto const hash = "ab" + std::string(62, '1');
  auto const payload = "blobs/ab/" + hash;
  put(payload, "shared bytes");
  ::chmod(at(payload).c_str(), 0444);
  auto const link_it = [&](Bytes size) { return cache_->link_from_shared_store(repo_, other_, hash, size).value(); };
  EXPECT_FALSE(link_it(12)) << "no marker: not a store";
  put("blobs/.huggingface-shared-blobs", "2\n");
  EXPECT_FALSE(link_it(12)) << "a store of another version";
  put("blobs/.huggingface-shared-blobs", "1\n");
  EXPECT_FALSE(link_it(11)) << "another size";
  EXPECT_FALSE(cache_->link_from_shared_store(repo_, other_, "../../etc", 12).value());
  EXPECT_FALSE(cache_->link_from_shared_store(repo_, other_, std::string(64, '2'), 12).value());
  EXPECT_FALSE(exists("blobs/22"));
  EXPECT_FALSE(make(*files_, Cache::SharedStoreUse::off)->link_from_shared_store(repo_, other_, hash, 12).value()) << "switched off";
  {
    auto const held = files_->try_lock(at(payload) + ".lock", 0666);
    ASSERT_TRUE(held && *held);
    EXPECT_FALSE(link_it(12)) << "somebody works on it";
  }
  auto const linked = link_it(12);
  ASSERT_TRUE(linked);
  EXPECT_EQ(linked->links, 2U);
  EXPECT_EQ(mode(payload + ".lock"), 0666U);
  EXPECT_EQ(mode(blob(other_)), 0444U);
  EXPECT_EQ(text(blob(other_)), "shared bytes");
  EXPECT_FALSE(exists(payload + ".refs"));
  // A later publish of the same blob leaves the payload alone.
  ASSERT_TRUE(publish(*cache_, other_, "fresh"));
  EXPECT_EQ(text(payload), "shared bytes");
  EXPECT_EQ(mode(payload), 0444U);
}

/// Refuses hard links, as protected_hardlinks does for another user's file and a file system without them for everything.
class WithoutLinks final : public support::ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;
  Result<void> link(std::string const& target, std::string const&) override {
    return fail(ErrorKind::permission_denied, "link " + target + ": refused");
  }
};

TEST_F(CacheTest, APayloadThatCannotBeLinkedIsCopied) {
  auto const hash = "ab" + std::string(62, '1');
  put("blobs/ab/" + hash, "shared bytes");
  put("blobs/.huggingface-shared-blobs", "1\n");
  WithoutLinks files(*files_);
  auto const cache = make(files);
  EXPECT_FALSE(cache->link_from_shared_store(repo_, other_, hash, 11).value()) << "another size";
  auto const copied = cache->link_from_shared_store(repo_, other_, hash, 12).value();
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->links, 1U);
  EXPECT_EQ(text(blob(other_)), "shared bytes");
  auto const lock = files_->try_lock(at("blobs/ab/" + hash) + ".lock", 0666);
  EXPECT_TRUE(lock && *lock) << "the store's lock is free again";
}

TEST_F(CacheTest, ASymlinkInPlaceOfAPayloadIsNotLinked) {
  auto const hash = "ab" + std::string(62, '1');
  put("blobs/.huggingface-shared-blobs", "1\n");
  put("secret", "0123456789");
  link("blobs/ab/" + hash, at("secret"));
  EXPECT_FALSE(cache_->link_from_shared_store(repo_, other_, hash, 10).value());
  EXPECT_FALSE(exists(blob(other_)));
}

/// Removes the whole repo folder, and the locks with it, just before the Nth change, as `rm -rf` in another shell would.
class Vandal final : public support::ForwardingFileSystem {
 public:
  Vandal(fs::FileSystem& inner, std::string root, int strike) : ForwardingFileSystem(inner), inner_(inner), root_(std::move(root)), strike_(strike) {}
  Result<void> make_directories(std::string const& path, mode_t mode) override {
    step();
    return inner_.make_directories(path, mode);
  }
  Result<void> rename(std::string const& from, std::string const& to) override {
    step();
    return inner_.rename(from, to);
  }
  Result<void> symlink(std::string const& target, std::string const& path) override {
    step();
    return inner_.symlink(target, path);
  }
  Result<void> link(std::string const& target, std::string const& path) override {
    step();
    return inner_.link(target, path);
  }
  Result<std::unique_ptr<fs::File>> open(std::string const& path, fs::OpenMode mode, mode_t permissions, bool nofollow) override {
    if (mode != fs::OpenMode::read) step();
    return inner_.open(path, mode, permissions, nofollow);
  }
  Result<std::unique_ptr<fs::Lock>> try_lock(std::string const& path, mode_t mode) override {
    step();
    return inner_.try_lock(path, mode);
  }
  [[nodiscard]] bool struck() const { return steps_ > strike_; }

 private:
  void step() {
    if (steps_++ != strike_) return;
    (void)inner_.remove_tree(root_ + "/models--org--name");
    (void)inner_.remove_tree(root_ + "/.locks/models--org--name");
  }
  fs::FileSystem& inner_;
  std::string root_;
  int strike_;
  int steps_ = 0;
};

TEST_F(CacheTest, AFolderDeletedBetweenAnyTwoStepsIsMadeAgainOrToldAsAbsent) {
  bool struck = true;
  int published = 0;
  for (int strike = 0; struck; ++strike) {
    ASSERT_LT(strike, 200);
    SCOPED_TRACE(strike);
    Vandal vandal(*files_, root_, strike);
    auto const cache = make(vandal);
    auto const path = partial("hello");
    auto const file = files_->open(path, fs::OpenMode::read_write).value();
    auto const blob_stat = cache->publish_blob(repo_, etag_, path, *file);
    ASSERT_TRUE(blob_stat || blob_stat.error().kind == ErrorKind::local_entry_not_found) << blob_stat.error().what;
    EXPECT_TRUE(blob_stat || std::filesystem::exists(path)) << "the bytes were lost with the folder";
    for (auto const& result : {cache->write_pointer(repo_, commit('1'), "a/b", etag_), cache->write_ref(repo_, "main", commit('1')),
                               cache->write_tree(repo_, commit('1'), {}), cache->mark_absent(repo_, commit('1'), "z")})
      EXPECT_TRUE(result || result.error().kind == ErrorKind::local_entry_not_found) << result.error().what;
    EXPECT_TRUE(cache->try_lock(repo_, etag_));
    auto const found = cache->find_file(repo_, commit('1'), "a/b").value();
    if (found) {
      EXPECT_EQ(text(snapshot('1') + "/a/b"), "hello");
      ++published;
    }
    EXPECT_TRUE(warnings().empty() || !exists(snapshot('1'))) << warnings().front();
    for (auto const& entry : std::filesystem::directory_iterator(at(".locks/" + folder_)))
      EXPECT_TRUE(entry.path().filename().string().ends_with(".lock")) << entry.path();
    struck = vandal.struck();
    std::filesystem::remove_all(at(folder_));
    std::filesystem::remove_all(at(".locks"));
  }
  EXPECT_GT(published, 3);
}

/// Looks at the cache as a stock scan would, before and after every change.
class Watcher final : public support::ForwardingFileSystem {
 public:
  Watcher(fs::FileSystem& inner, std::string root) : ForwardingFileSystem(inner), inner_(inner), root_(std::move(root)) {}
  Result<void> make_directories(std::string const& path, mode_t mode) override { return watched(inner_.make_directories(path, mode)); }
  Result<void> rename(std::string const& from, std::string const& to) override { return watched(inner_.rename(from, to)); }
  Result<void> symlink(std::string const& target, std::string const& path) override { return watched(inner_.symlink(target, path)); }
  Result<void> remove(std::string const& path) override { return watched(inner_.remove(path)); }
  Result<std::unique_ptr<fs::File>> open(std::string const& path, fs::OpenMode mode, mode_t permissions, bool nofollow) override {
    auto file = inner_.open(path, mode, permissions, nofollow);
    look();
    return file;
  }
  int looks = 0;

 private:
  Result<void> watched(Result<void> result) {
    look();
    return result;
  }
  void look() {
    ++looks;
    auto const seen = scan(inner_, root_).value();
    EXPECT_TRUE(seen.warnings.empty()) << seen.warnings.front();
    EXPECT_TRUE(seen.incomplete.empty()) << seen.incomplete.front().path;
  }
  fs::FileSystem& inner_;
  std::string root_;
};

TEST_F(CacheTest, AScanAtAnyMomentFindsNothingOdd) {
  Watcher watcher(*files_, root_);
  auto const cache = make(watcher);
  ASSERT_TRUE(cache->write_ref(repo_, "refs/pr/1", commit('1')));
  ASSERT_TRUE(publish(*cache, etag_, "hello"));
  ASSERT_TRUE(cache->write_pointer(repo_, commit('1'), "a/b", etag_));
  ASSERT_TRUE(publish(*cache, other_, "other"));
  ASSERT_TRUE(cache->write_pointer(repo_, commit('1'), "a/b", other_));
  ASSERT_TRUE(cache->link_blob(repo_, etag_, at(blob(other_)), true));
  ASSERT_TRUE(cache->write_tree(repo_, commit('1'), {}));
  ASSERT_TRUE(cache->mark_absent(repo_, commit('1'), "z"));
  ASSERT_TRUE(cache->write_ref(repo_, "main", commit('1')));
  EXPECT_EQ(cache->write_pointer(repo_, commit('2'), "c", std::string(40, '0')).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_GT(watcher.looks, 15);
}

}  // namespace
}  // namespace hubd::cache
