// SPDX-License-Identifier: Apache-2.0
#include "core/cache/removal.h"

#include "core/cache/removal_target.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/unit/core/cache/mixed_cache.h"

namespace hubd::cache {
namespace {

class RemovalTest : public MixedCache {
 protected:
  RemovalPlan plan(std::vector<std::string> const& targets) {
    auto result = plan_removal(*files_, scanned(), targets);
    EXPECT_TRUE(result) << result.error().what;
    return *result;
  }
  Removed run(RemovalPlan const& plan) { return remove(*files_, *random_, root_, plan); }
  /// Nothing that is left is broken.
  void sound() const { EXPECT_EQ(scanned().warnings, std::vector<std::string>()); }
};

TEST_F(RemovalTest, TargetsAreReadInEverySpelling) {
  auto const target = [](std::string_view text) { return parse_removal_target(text).value(); };
  EXPECT_EQ(target("Model/Org/Name").repo, "model/org/name");
  EXPECT_EQ(target(std::string(40, 'A')).commit, std::string(40, 'a'));
  EXPECT_EQ(target("hf://Org/Name").repo, "model/org/name");
  EXPECT_EQ(target("hf://datasets/org/name/").repo, "dataset/org/name");
  EXPECT_EQ(target("hf://models/org/name/a/B.bin").path, "a/B.bin");
  EXPECT_EQ(target("hf://kernels/org/name").repo, "kernel/org/name");
  for (auto const* bad : {"hf://", "hf://org", "hf://models/org", "hf://buckets/a/b", "hf://a/b@main", "hf://a/b@main/x",
                          "hf://a/b/../c", "hf://a/b//c"})
    EXPECT_EQ(parse_removal_target(bad).error().kind, ErrorKind::bad_request) << bad;
}

TEST_F(RemovalTest, ARevisionTakesOnlyWhatNoOtherUses) {
  auto const planned = plan({commit('1').hex()});
  ASSERT_EQ(planned.repos.size(), 1U);
  EXPECT_FALSE(planned.repos[0].entire);
  EXPECT_EQ(planned.revisions(), 1U);
  EXPECT_EQ(planned.freed, 5U);
  EXPECT_TRUE(exists(a_ + "/blobs/small")) << "a plan changes nothing";
  auto const removed = run(planned);
  EXPECT_EQ(removed.problems, std::vector<std::string>());
  EXPECT_EQ(removed.revisions, 1U);
  EXPECT_EQ(removed.repos, 0U);
  EXPECT_FALSE(exists(snapshot(a_, '1')));
  EXPECT_FALSE(exists(a_ + "/blobs/small"));
  EXPECT_EQ(text(snapshot(a_, '2') + "/sub/shared.txt"), "1234567890");
  sound();
}

TEST_F(RemovalTest, ARevisionsRefsGoWithIt) {
  auto const planned = plan({commit('2').hex()});
  EXPECT_EQ(planned.freed, 100U) << "the payload stays, the dataset uses it";
  run(planned);
  EXPECT_FALSE(exists(a_ + "/refs/main"));
  EXPECT_FALSE(exists(a_ + "/refs/refs/pr/1"));
  EXPECT_FALSE(exists(a_ + "/blobs/" + sha_));
  EXPECT_EQ(text(snapshot(b_, '3') + "/weights.bin").size(), 1000U);
  EXPECT_EQ(text(payload() + ".refs"), b_ + "/blobs/" + sha_ + "\n") << "the manifest was tidied";
  sound();
}

TEST_F(RemovalTest, AllRevisionsMeanTheWholeFolder) {
  auto const planned = plan({commit('1').hex(), commit('2').hex()});
  ASSERT_EQ(planned.repos.size(), 1U);
  EXPECT_TRUE(planned.repos[0].entire);
  auto const removed = run(planned);
  EXPECT_EQ(removed.repos, 1U);
  EXPECT_EQ(removed.revisions, 2U);
  EXPECT_FALSE(exists(a_));
  sound();
}

TEST_F(RemovalTest, ARepoIsNamedInAnyCaseAndALastUserFreesThePayload) {
  auto const first = plan({"DATASET/Org/B"});
  EXPECT_EQ(first.freed, 8U);
  run(first);
  EXPECT_FALSE(exists(b_));
  EXPECT_TRUE(exists(payload()));
  auto const second = plan({"hf://org/a"});
  EXPECT_EQ(second.freed, 5U + 10U + 100U + 1000U);
  run(second);
  EXPECT_FALSE(exists(payload()));
  EXPECT_FALSE(exists(payload() + ".refs"));
  EXPECT_TRUE(exists("blobs/.huggingface-shared-blobs"));
  EXPECT_TRUE(exists(payload() + ".lock"));
  EXPECT_EQ(scanned().size, 0U);
  sound();
}

TEST_F(RemovalTest, UnknownTargetsAreTold) {
  auto const planned = plan({"model/org/none", commit('7').hex(), "nonsense"});
  EXPECT_TRUE(planned.empty());
  EXPECT_EQ(planned.unknown_targets, (std::vector<std::string>{"model/org/none", commit('7').hex(), "nonsense"}));
  EXPECT_EQ(plan({"hf://org/a/none.bin"}).unknown_targets.size(), 1U);
}

TEST_F(RemovalTest, ASingleFileGoesFromEveryRevision) {
  auto const planned = plan({"hf://org/a/sub/shared.txt"});
  EXPECT_EQ(planned.files.size(), 2U);
  EXPECT_EQ(planned.freed, 0U) << "a copy of it is still used";
  auto const removed = run(planned);
  EXPECT_EQ(removed.files, 2U);
  EXPECT_FALSE(exists(snapshot(a_, '1') + "/sub/shared.txt"));
  EXPECT_EQ(text(snapshot(a_, '1') + "/copy of shared.txt"), "1234567890");
  auto const last = plan({"hf://org/a/copy of shared.txt", "hf://org/a/new.bin"});
  EXPECT_EQ(last.freed, 110U);
  run(last);
  EXPECT_FALSE(exists(a_ + "/blobs/both"));
  EXPECT_TRUE(exists(a_ + "/refs/main"));
  sound();
}

TEST_F(RemovalTest, AFileThatWasMovedIntoItsSnapshotIsFreedWithIt) {
  auto const planned = plan({"hf://datasets/org/b/moved.txt"});
  EXPECT_EQ(planned.freed, 8U);
  run(planned);
  EXPECT_FALSE(exists(snapshot(b_, '3') + "/moved.txt"));
  sound();
}

TEST_F(RemovalTest, FilesAndReposDoNotMix) {
  auto const mixed = plan_removal(*files_, scanned(), {"hf://org/a/new.bin", "model/org/a"});
  EXPECT_EQ(mixed.error().kind, ErrorKind::bad_request);
}

TEST_F(RemovalTest, BytesWithAnotherNameAreNotFreed) {
  std::filesystem::create_directories(at("spaces--c--d/blobs"));
  std::filesystem::create_hard_link(at(a_ + "/blobs/new"), at("spaces--c--d/blobs/new"));
  add("spaces--c--d", '4', "new.bin", "new");
  EXPECT_EQ(plan({"hf://org/a/new.bin"}).freed, 0U);
  EXPECT_EQ(plan({"space/c/d"}).freed, 0U);
  EXPECT_EQ(plan({"space/c/d", commit('2').hex()}).freed, 100U);
}

TEST_F(RemovalTest, OnlyEntriesOfItsOwnBlobsFolderAreUnlinked) {
  put("private/precious", "mine");
  link(snapshot(a_, '1') + "/outside", at("private/precious"));
  link(snapshot(a_, '1') + "/direct", "../../../" + payload());
  link(a_ + "/blobs/link out", at("private/precious"));
  add(a_, '1', "through a blob", "link out");
  auto planned = plan_removal(*files_, scan(*files_, root_).value(), {commit('1').hex()}).value();
  EXPECT_EQ(planned.freed, 5U);
  run(planned);
  EXPECT_EQ(text("private/precious"), "mine");
  EXPECT_FALSE(exists(a_ + "/blobs/link out"));
  EXPECT_TRUE(exists(payload())) << "others still use it";
}

TEST_F(RemovalTest, ALinkedRepoFolderLosesTheLinkOnly) {
  std::filesystem::rename(at(a_), at("elsewhere"));
  std::filesystem::create_directory_symlink(at("elsewhere"), at(a_));
  auto const planned = plan({"model/org/a"});
  EXPECT_EQ(planned.freed, 0U);
  EXPECT_EQ(run(planned).freed, 0U);
  EXPECT_FALSE(exists(a_));
  EXPECT_TRUE(exists("elsewhere/blobs/small"));
  EXPECT_TRUE(exists(snapshot("elsewhere", '1') + "/config.json"));
}

TEST_F(RemovalTest, NothingBehindALinkedSnapshotsFolderIsRemoved) {
  auto const planned = plan({commit('1').hex(), "dataset/org/b"});
  for (auto const& folder : {a_, b_}) {
    std::filesystem::rename(at(folder + "/snapshots"), at("private-" + folder));
    std::filesystem::create_directory_symlink(at("private-" + folder), at(folder + "/snapshots"));
  }
  auto const removed = run(planned);
  EXPECT_EQ(removed.problems.size(), 1U) << "a revision of the model";
  EXPECT_TRUE(exists("private-" + a_ + "/" + commit('1').hex() + "/config.json"));
  EXPECT_TRUE(exists("private-" + b_ + "/" + commit('3').hex() + "/moved.txt"));
  EXPECT_TRUE(exists(a_ + "/blobs/small"));
  EXPECT_FALSE(exists(b_)) << "the link itself is ours";
}

TEST_F(RemovalTest, ALinkInPlaceOfASnapshotIsNeitherListedNorFollowed) {
  put("private/precious", "mine");
  std::filesystem::create_directory_symlink(at("private"), at(snapshot(a_, '7')));
  std::filesystem::create_directories(at("elsewhere"));
  put("elsewhere/x.incomplete", "1234");
  std::filesystem::rename(at(b_ + "/blobs"), at("blobs of b"));
  std::filesystem::create_directory_symlink(at("elsewhere"), at(b_ + "/blobs"));
  auto const seen = scan(*files_, root_).value();
  EXPECT_TRUE(seen.incomplete.empty());
  for (auto const& repo : seen.repos) EXPECT_NE(repo.id, "org/a");
  auto const planned = plan_removal(*files_, seen, {commit('7').hex(), "model/org/a"}).value();
  EXPECT_TRUE(planned.empty());
  EXPECT_EQ(planned.unknown_targets.size(), 2U);
}

TEST_F(RemovalTest, ARefThatMovedMeanwhileStays) {
  auto const planned = plan({commit('2').hex()});
  put(a_ + "/refs/main", commit('1').hex());
  run(planned);
  EXPECT_EQ(text(a_ + "/refs/main"), commit('1').hex());
  EXPECT_FALSE(exists(a_ + "/refs/refs/pr/1"));
  sound();
}

TEST_F(RemovalTest, BlobsOfARepoThatCannotBeReadAgainStay) {
  auto const planned = plan({commit('1').hex()});
  put(a_ + "/refs/new", commit('8').hex());  // its snapshot is about to come
  auto const removed = run(planned);
  ASSERT_EQ(removed.problems.size(), 1U);
  EXPECT_NE(removed.problems[0].find("blobs/small is kept"), std::string::npos) << removed.problems[0];
  EXPECT_EQ(removed.freed, 0U);
  EXPECT_TRUE(exists(a_ + "/blobs/small"));
}

TEST_F(RemovalTest, ABlobWhoseLockSomebodyHoldsStays) {
  auto const planned = plan({commit('1').hex()});
  std::filesystem::create_directories(at(".locks/" + a_));
  auto const held = files_->try_lock(at(".locks/" + a_ + "/small.lock")).value();
  ASSERT_TRUE(held);
  auto const removed = run(planned);
  ASSERT_EQ(removed.problems.size(), 1U);
  EXPECT_NE(removed.problems[0].find("holds its lock"), std::string::npos) << removed.problems[0];
  EXPECT_EQ(removed.freed, 0U);
  EXPECT_TRUE(exists(a_ + "/blobs/small"));
}

/// Refuses to remove whatever ends so.
class Stubborn final : public support::ForwardingFileSystem {
 public:
  Stubborn(fs::FileSystem& inner, std::string ending) : ForwardingFileSystem(inner), ending_(std::move(ending)) {}
  Result<void> remove_tree(std::string const& path) override {
    if (path.ends_with(ending_)) return fail(ErrorKind::permission_denied, "remove " + path + ": not yours");
    return ForwardingFileSystem::remove_tree(path);
  }

 private:
  std::string ending_;
};

TEST_F(RemovalTest, WhatIsFreedIsCountedByWhatIsGone) {
  auto const planned = plan({commit('1').hex()});
  EXPECT_EQ(run(planned).freed, planned.freed);
  auto const used = plan({commit('2').hex()});
  EXPECT_EQ(used.freed, 100U + 10U);
  Stubborn stubborn(*files_, a_);
  auto const failed = remove(stubborn, *random_, root_, used);
  EXPECT_EQ(failed.problems.size(), 1U);
  EXPECT_EQ(failed.repos + failed.revisions, 0U);
  EXPECT_EQ(failed.freed, 0U);
}

TEST_F(RemovalTest, ABlobThatSomebodyBeganToUseStays) {
  auto const planned = plan({commit('1').hex()});
  add(a_, '5', "config.json", "small");
  EXPECT_EQ(run(planned).freed, 0U);
  EXPECT_EQ(text(snapshot(a_, '5') + "/config.json"), "12345");
  sound();
}

TEST_F(RemovalTest, WhatIsGoneAlreadyIsFine) {
  auto const planned = plan({commit('1').hex(), "dataset/org/b"});
  std::filesystem::remove_all(at(b_));
  std::filesystem::remove_all(at(a_));
  auto const removed = run(planned);
  EXPECT_EQ(removed.problems, std::vector<std::string>());
}

TEST_F(RemovalTest, APruneTakesDetachedRevisionsLeftoversAndUnusedPayloads) {
  auto const unused = "cd" + std::string(62, '2');
  put("blobs/cd/" + unused, "12");
  put("blobs/cd/" + unused + ".refs", "models--gone--x/blobs/y\n../../etc/passwd\n\n");
  auto const unmanifested = "cd" + std::string(62, '3');
  put("blobs/cd/" + unmanifested, "12");
  put(a_ + "/blobs/x.12345678.incomplete", "1234");
  auto const planned = plan_prune(*files_, scanned()).value();
  EXPECT_EQ(planned.revisions(), 1U);
  EXPECT_EQ(planned.incomplete.size(), 1U);
  EXPECT_EQ(planned.payloads.size(), 1U);
  EXPECT_EQ(planned.freed, 5U + 4U + 2U);
  auto const removed = run(planned);
  EXPECT_EQ(removed.problems, std::vector<std::string>());
  EXPECT_EQ(removed.revisions, 1U);
  EXPECT_EQ(removed.incomplete, 1U);
  EXPECT_EQ(removed.payloads, 1U);
  EXPECT_FALSE(exists("blobs/cd/" + unused));
  EXPECT_TRUE(exists("blobs/cd/" + unmanifested));
  EXPECT_TRUE(plan_prune(*files_, scanned()).value().empty());
  sound();
}

TEST_F(RemovalTest, APayloadWithoutItsManifestStays) {
  std::filesystem::remove(at(payload() + ".refs"));
  auto const planned = plan({"dataset/org/b", "model/org/a"});
  EXPECT_EQ(planned.freed, 8U + 5U + 10U + 100U);
  run(planned);
  EXPECT_TRUE(exists(payload()));
}

TEST_F(RemovalTest, APayloadThatSomebodyWorksOnStays) {
  run(plan({"dataset/org/b"}));
  auto const held = files_->try_lock(at(payload()) + ".lock", 0666).value();
  ASSERT_TRUE(held);
  run(plan({"model/org/a"}));
  EXPECT_TRUE(exists(payload()));
}

/// Looks at the cache as a stock scan would, after every removal.
class Watcher final : public support::ForwardingFileSystem {
 public:
  Watcher(fs::FileSystem& inner, std::string root) : ForwardingFileSystem(inner), inner_(inner), root_(std::move(root)) {}
  Result<void> remove(std::string const& path) override { return watched(inner_.remove(path)); }
  Result<void> remove_tree(std::string const& path) override { return watched(inner_.remove_tree(path)); }
  int looks = 0;

 private:
  Result<void> watched(Result<void> result) {
    ++looks;
    auto const seen = scan(inner_, root_).value();
    EXPECT_TRUE(seen.warnings.empty()) << seen.warnings.front();
    return result;
  }
  fs::FileSystem& inner_;
  std::string root_;
};

TEST_F(RemovalTest, AScanBetweenAnyTwoStepsFindsNothingOdd) {
  Watcher watcher(*files_, root_);
  auto const planned = plan({commit('2').hex(), "dataset/org/b"});
  remove(watcher, *random_, root_, planned);
  EXPECT_GT(watcher.looks, 5);
}

TEST_F(RemovalTest, ASnapshotThatCannotBeRemovedKeepsItsBlobs) {
  Stubborn stubborn(*files_, commit('1').hex());
  auto const removed = remove(stubborn, *random_, root_, plan({commit('1').hex()}));
  ASSERT_EQ(removed.problems.size(), 1U);
  EXPECT_NE(removed.problems[0].find("not yours"), std::string::npos);
  EXPECT_EQ(removed.freed, 0U);
  EXPECT_EQ(text(snapshot(a_, '1') + "/config.json"), "12345");
}

}  // namespace
}  // namespace hubd::cache
