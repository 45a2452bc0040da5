// SPDX-License-Identifier: Apache-2.0
#include "core/cache/verify.h"

#include "core/hash/hasher.h"
#include "tests/unit/core/cache/mixed_cache.h"

namespace hubd::cache {
namespace {

class VerifyTest : public MixedCache {
 protected:
  static ListedFile regular(std::string path, std::string const& content) {
    ListedFile file;
    file.path = std::move(path);
    file.size = content.size();
    file.blob_id = hash::git_blob_sha1(as_bytes(content)).hex();
    return file;
  }
  static ListedFile large(std::string path, std::string const& content) {
    auto file = regular(std::move(path), content);
    file.lfs_sha256 = hash::sha256(as_bytes(content)).hex();
    return file;
  }
  FileVerdict verdict(ListedFile const& file) const { return verify_file(*files_, at(snapshot(a_, '2')), file).value(); }

  RepoRef const model_{"", RepoType::model, "org/a"};
  Layout const layout_{root_};
};

TEST_F(VerifyTest, TheRootIsThatOfTheCommitTheRefOrTheOnlySnapshot) {
  auto const root = [&](RepoRef const& repo, std::string const& revision) { return find_local_root(*files_, layout_, repo, revision); };
  EXPECT_EQ(root(model_, "").value().path, at(snapshot(a_, '2')));
  EXPECT_EQ(root(model_, "refs/pr/1").value().commit, commit('2'));
  EXPECT_EQ(root(model_, commit('1').hex()).value().path, at(snapshot(a_, '1')));
  EXPECT_EQ(root(model_, "none").error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(root(model_, commit('9').hex()).error().kind, ErrorKind::local_entry_not_found);
  EXPECT_EQ(root(model_, "../x").error().kind, ErrorKind::bad_request);
  EXPECT_EQ(root({"", RepoType::model, "org/none"}, "").error().kind, ErrorKind::local_entry_not_found);
  std::filesystem::remove_all(at(a_ + "/refs"));
  EXPECT_EQ(root(model_, "").error().kind, ErrorKind::local_entry_not_found) << "two snapshots";
  std::filesystem::remove_all(at(snapshot(a_, '1')));
  EXPECT_EQ(root(model_, "").value().commit, commit('2'));
  EXPECT_NE(root(model_, "none").error().what.find("model org/a at revision 'none'"), std::string::npos);
}

TEST_F(VerifyTest, RegularAndLargeFilesAreHashedByTheirKind) {
  auto const weights = verdict(large("weights.bin", std::string(1000, 'p')));
  EXPECT_EQ(weights.state, FileVerdict::State::ok);
  EXPECT_EQ(weights.blob, at(a_ + "/blobs/" + sha_));
  EXPECT_EQ(verdict(regular("new.bin", std::string(100, 'n'))).state, FileVerdict::State::ok);
  put(a_ + "/blobs/new", "");
  EXPECT_EQ(verdict(regular("new.bin", "")).state, FileVerdict::State::ok);
}

TEST_F(VerifyTest, AnEditedFileIsAMismatch) {
  auto const listed = regular("new.bin", std::string(100, 'n'));
  for (auto const& edit : {std::string(99, 'n') + "m", std::string(99, 'n'), std::string(101, 'n'), std::string()}) {
    put(a_ + "/blobs/new", edit);
    auto const seen = verdict(listed);
    EXPECT_EQ(seen.state, FileVerdict::State::mismatch);
    EXPECT_EQ(seen.expected, listed.blob_id);
    EXPECT_EQ(seen.actual, hash::git_blob_sha1(as_bytes(edit)).hex());
  }
}

TEST_F(VerifyTest, AnAbsentOrDanglingFileIsMissing) {
  std::filesystem::remove(at(a_ + "/blobs/new"));
  EXPECT_EQ(verdict(regular("new.bin", "x")).state, FileVerdict::State::missing);
  EXPECT_EQ(verdict(regular("none", "x")).state, FileVerdict::State::missing);
  EXPECT_EQ(verdict(regular("sub", "x")).state, FileVerdict::State::missing);
  EXPECT_EQ(verify_file(*files_, root_, regular("../x", "x")).error().kind, ErrorKind::bad_request);
}

TEST_F(VerifyTest, FilesBiggerThanOneBlockAreHashedWhole) {
  auto content = std::string(3'000'001, 'x');
  content[2'500'000] = 'y';
  put(a_ + "/blobs/new", content);
  EXPECT_EQ(verdict(large("new.bin", content)).state, FileVerdict::State::ok);
  content[2'999'999] = 'z';
  put(a_ + "/blobs/new", content);
  content[2'999'999] = 'x';
  EXPECT_EQ(verdict(large("new.bin", content)).state, FileVerdict::State::mismatch);
}

TEST_F(VerifyTest, ExtraFilesAreThoseThatTheListingDoesNotName) {
  auto const listed = Listing{regular("new.bin", ""), regular("weights.bin", "")};
  EXPECT_EQ(extra_files(*files_, at(snapshot(a_, '2')), listed, false).value(), std::vector<std::string>{"sub/shared.txt"});
  put(snapshot(a_, '2') + "/.git", "");
  EXPECT_EQ(extra_files(*files_, at(snapshot(a_, '2')), listed, false).value(),
            (std::vector<std::string>{".git", "sub/shared.txt"}));
  put("dir/a", "");
  put("dir/.git/x", "");
  put("dir/.cache/huggingface/x", "");
  put("dir/.cache/other", "");
  put("dir/sub/.git/x", "");
  EXPECT_EQ(extra_files(*files_, at("dir"), {}, true).value(), (std::vector<std::string>{".cache/other", "a", "sub/.git/x"}));
  EXPECT_EQ(extra_files(*files_, at("absent"), {}, true).value(), std::vector<std::string>());
}

}  // namespace
}  // namespace hubd::cache
