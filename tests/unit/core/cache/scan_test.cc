// SPDX-License-Identifier: Apache-2.0
#include "core/cache/scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/core/cache/mixed_cache.h"

namespace hubd::cache {
namespace {

class ScanTest : public MixedCache {
 protected:
  void warns(std::string const& text) const {
    auto const seen = scanned();
    ASSERT_EQ(seen.warnings.size(), 1U) << testing::PrintToString(seen.warnings);
    EXPECT_EQ(seen.warnings.front(), text);
    EXPECT_EQ(seen.repos.size(), 2U);
  }
};

TEST_F(ScanTest, TellsReposRevisionsFilesAndSizes) {
  auto const seen = scanned();
  EXPECT_EQ(seen.warnings, std::vector<std::string>());
  ASSERT_EQ(seen.repos.size(), 2U);
  auto const& data = seen.repos[0];
  EXPECT_EQ(data.type, RepoType::dataset);
  EXPECT_EQ(data.id, "org/b");
  EXPECT_EQ(data.size, 1008U);
  EXPECT_EQ(data.blobs, 2U);
  auto const& model = seen.repos[1];
  EXPECT_EQ(model.id, "org/a");
  EXPECT_EQ(model.path, at(a_));
  EXPECT_EQ(model.size, 5U + 10U + 100U + 1000U);
  EXPECT_EQ(model.blobs, 4U);
  ASSERT_EQ(model.revisions.size(), 2U);
  EXPECT_EQ(model.revisions[0].commit, commit('1').hex());
  EXPECT_TRUE(model.revisions[0].refs.empty());
  EXPECT_EQ(model.revisions[0].size, 15U);
  EXPECT_EQ(model.revisions[1].refs, (std::vector<std::string>{"main", "refs/pr/1"}));
  EXPECT_EQ(model.revisions[1].size, 1110U);
  ASSERT_EQ(model.revisions[1].files.size(), 3U);
  auto const& weights = model.revisions[1].files[2];
  EXPECT_EQ(weights.path, "weights.bin");
  EXPECT_EQ(weights.pointer, at(snapshot(a_, '2') + "/weights.bin"));
  EXPECT_EQ(weights.blob, at(a_ + "/blobs/" + sha_));
  EXPECT_EQ(weights.shared_payload, hash_);
  EXPECT_EQ(weights.stat.size, 1000U);
  EXPECT_EQ(model.revisions[1].files[1].shared_payload, "");
  // The payload counts once.
  EXPECT_EQ(seen.size, 5U + 10U + 100U + 1000U + 8U);
  EXPECT_TRUE(seen.unused_payloads.empty());
}

TEST_F(ScanTest, TimesAreThoseOfTheBytes) {
  timespec const times[2] = {{2'000, 500}, {1'000, 0}};
  for (auto const* blob : {"small", "both", "new"}) ASSERT_EQ(::utimensat(AT_FDCWD, at(a_ + "/blobs/" + blob).c_str(), times, 0), 0);
  timespec const later[2] = {{1'500, 0}, {3'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, at(payload()).c_str(), later, 0), 0);
  auto const seen = scanned();
  auto const& model = seen.repos[1];
  using std::chrono::seconds;
  EXPECT_EQ(model.revisions[0].modified, WallTime(seconds(1'000)));
  EXPECT_EQ(model.revisions[1].modified, WallTime(seconds(3'000)));
  EXPECT_EQ(model.modified, WallTime(seconds(3'000)));
  EXPECT_EQ(model.accessed, WallTime(std::chrono::duration_cast<WallTime::duration>(seconds(2'000) + std::chrono::nanoseconds(500))));
}

TEST_F(ScanTest, AHardLinkedBlobCountsOnce) {
  std::filesystem::create_directories(at("spaces--c--d/blobs"));
  std::filesystem::create_hard_link(at(a_ + "/blobs/new"), at("spaces--c--d/blobs/new"));
  auto const before = scanned().size;
  add("spaces--c--d", '4', "new.bin", "new");
  auto const seen = scanned();
  EXPECT_EQ(seen.size, before);
  EXPECT_EQ(seen.repos.back().size, 100U);
}

TEST_F(ScanTest, PayloadsWithoutUsersAreCountedAndNamed) {
  for (auto const& folder : {a_, b_}) std::filesystem::remove_all(at(folder));
  auto const seen = scanned();
  EXPECT_EQ(seen.size, 1000U);
  ASSERT_EQ(seen.unused_payloads.size(), 1U);
  EXPECT_EQ(seen.unused_payloads[0].hash, hash_);
  // Without a manifest nobody may delete it.
  std::filesystem::remove(at(payload() + ".refs"));
  EXPECT_TRUE(scanned().unused_payloads.empty());
}

TEST_F(ScanTest, IncompleteFilesAreListedAndOthersIgnored) {
  put(a_ + "/blobs/x.12345678.incomplete", "1234");
  put(a_ + "/blobs/tmp_1", "x");
  put(a_ + "/trees/x.json", "x");
  put(a_ + "/.no_exist/x", "x");
  put(".DS_Store", "x");
  put(a_ + "/snapshots/.DS_Store", "x");
  auto const seen = scanned();
  EXPECT_TRUE(seen.warnings.empty());
  ASSERT_EQ(seen.incomplete.size(), 1U);
  EXPECT_EQ(seen.incomplete[0].path, at(a_ + "/blobs/x.12345678.incomplete"));
  EXPECT_EQ(seen.incomplete[0].size, 4U);
}

TEST_F(ScanTest, AStrayFileIsWarnedOf) {
  put("stray", "");
  warns("Repo path is not a directory: " + at("stray"));
}
TEST_F(ScanTest, AnotherFolderIsWarnedOf) {
  put("stray/x", "");
  warns("Repo path is not a valid HuggingFace cache directory: " + at("stray"));
}
TEST_F(ScanTest, AnUnknownTypeIsWarnedOf) {
  put("buckets--a--b/x", "");
  warns("Repo type must be one of ['datasets', 'kernels', 'models', 'spaces'], found `buckets` (" + at("buckets--a--b") + ").");
}
TEST_F(ScanTest, ARepoWithoutSnapshotsIsWarnedOf) {
  put("models--x--y/refs/main", commit('1').hex());
  warns("Snapshots dir doesn't exist in cached repo: " + at("models--x--y/snapshots"));
}
TEST_F(ScanTest, ARefsFileIsWarnedOf) {
  put("models--x--y/refs", "");
  put(snapshot("models--x--y", '1') + "/a", "");
  warns("Refs directory cannot be a file: " + at("models--x--y/refs"));
}
TEST_F(ScanTest, AFileAmongSnapshotsIsWarnedOf) {
  put("models--x--y/snapshots/file", "");
  warns("Snapshots folder corrupted. Found a file: " + at("models--x--y/snapshots/file"));
}
TEST_F(ScanTest, ADanglingPointerIsWarnedOf) {
  add("models--x--y", '1', "a/b", "gone");
  warns("Blob missing (broken symlink): " + at("models--x--y/blobs/gone"));
}
TEST_F(ScanTest, ARefWithoutItsSnapshotIsWarnedOf) {
  put("models--x--y/snapshots/" + commit('1').hex() + "/a", "");
  ref("models--x--y", "main", '9');
  warns("Reference(s) refer to missing commit hashes: {'" + commit('9').hex() + "': {'main'}} (" + at("models--x--y") + ").");
}
TEST_F(ScanTest, AStoreWithoutItsMarkerIsWarnedOf) {
  std::filesystem::remove(at("blobs/.huggingface-shared-blobs"));
  warns("Repo path is not a valid HuggingFace cache directory: " + at("blobs"));
  EXPECT_EQ(scanned().repos[0].revisions[0].files[1].shared_payload, "");
}

TEST_F(ScanTest, LinksToFoldersAreNotEntered) {
  link(snapshot(a_, '1') + "/loop", ".");
  link(snapshot(a_, '1') + "/etc", "/etc");
  auto const seen = scanned();
  EXPECT_TRUE(seen.warnings.empty());
  EXPECT_EQ(seen.repos[1].revisions[0].files.size(), 3U);
}

TEST_F(ScanTest, NoCacheAndNoFolderAreErrors) {
  EXPECT_EQ(scan(*files_, at("absent")).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(scan(*files_, at("CACHEDIR.TAG")).error().kind, ErrorKind::bad_request);
}

}  // namespace
}  // namespace hubd::cache
