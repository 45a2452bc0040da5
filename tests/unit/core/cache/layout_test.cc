// SPDX-License-Identifier: Apache-2.0
#include "core/cache/layout.h"

#include <gtest/gtest.h>

#include "core/cache/small_file.h"

namespace hubd::cache {
namespace {

TEST(Layout, NamesAreThoseOfTheStockClient) {
  Layout const layout("/c");
  RepoRef const repo{"https://hub", RepoType::dataset, "org/name"};
  auto const commit = *Commit::parse(std::string(40, 'a'));
  EXPECT_EQ(layout.repo(repo), "/c/datasets--org--name");
  EXPECT_EQ(Layout::repo_folder(RepoType::model, "gpt2"), "models--gpt2");
  EXPECT_EQ(layout.blob(repo, "e"), "/c/datasets--org--name/blobs/e");
  EXPECT_EQ(layout.pointer(repo, commit, "a/b.txt"), "/c/datasets--org--name/snapshots/" + commit.hex() + "/a/b.txt");
  EXPECT_EQ(layout.pointer_relative(repo, commit, "a"), "datasets--org--name/snapshots/" + commit.hex() + "/a");
  EXPECT_EQ(layout.ref(repo, "refs/pr/1"), "/c/datasets--org--name/refs/refs/pr/1");
  EXPECT_EQ(layout.no_exist(repo, commit, "x"), "/c/datasets--org--name/.no_exist/" + commit.hex() + "/x");
  EXPECT_EQ(layout.tree(repo, commit), "/c/datasets--org--name/trees/" + commit.hex() + ".json");
  EXPECT_EQ(layout.lock(repo, "e"), "/c/.locks/datasets--org--name/e.lock");
}

TEST(Layout, APointerClimbsOneFolderPerFolderOfItsPath) {
  EXPECT_EQ(Layout::pointer_text("b.txt", "e"), "../../blobs/e");
  EXPECT_EQ(Layout::pointer_text("a/b.txt", "e"), "../../../blobs/e");
  EXPECT_EQ(Layout::pointer_text("a/b/c.txt", "e"), "../../../../blobs/e");
}

TEST(Layout, RepoFoldersAreReadBack) {
  for (auto const type : {RepoType::model, RepoType::dataset, RepoType::space, RepoType::kernel}) {
    for (auto const* id : {"gpt2", "org/name", "org/a-b_c.d"}) {
      auto const parsed = Layout::parse_repo_folder(Layout::repo_folder(type, id));
      ASSERT_TRUE(parsed) << id;
      EXPECT_EQ(parsed->first, type);
      EXPECT_EQ(parsed->second, id);
    }
  }
  EXPECT_EQ(Layout::parse_repo_folder("models--a--b--c")->second, "a/b/c");
  for (auto const* name : {"", "blobs", "models", "models--", "model--a--b", "buckets--a--b", ".locks"})
    EXPECT_FALSE(Layout::parse_repo_folder(name)) << name;
}

TEST(Layout, RevisionsThatLeaveRefsAreRefused) {
  for (auto const* good : {"main", "v1.0", "refs/pr/1", "feat/ü x", "..a", "a..b"}) EXPECT_TRUE(check_revision(good)) << good;
  for (auto const& bad : {std::string(""), std::string(".."), std::string("a/../b"), std::string("/a"), std::string("a/"),
                          std::string("a//b"), std::string("./a"), std::string("a\nb"), std::string("a\0b", 3),
                          std::string(300, 'a'), std::string(1025, '/')}) {
    auto const checked = check_revision(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().kind, ErrorKind::bad_request);
  }
}

TEST(Layout, EtagsThatAreNoFileNamesAreRefused) {
  EXPECT_TRUE(check_etag(std::string(64, 'a')));
  for (auto const& bad : {std::string(""), std::string("."), std::string(".."), std::string("a/b"), std::string("../x"),
                          std::string("a\nb"), std::string("abc.incomplete"), std::string(201, 'a')})
    EXPECT_FALSE(check_etag(bad)) << bad;
}

TEST(Layout, AHopIsResolvedByTextAlone) {
  EXPECT_EQ(first_hop("/c/snapshots/x/a", "../../blobs/e"), "/c/blobs/e");
  EXPECT_EQ(first_hop("/c/a", "/d/./e//f"), "/d/e/f");
  EXPECT_EQ(first_hop("/a", "../../../etc"), "/etc");
  EXPECT_EQ(first_hop("/a", ".."), "/");
}

}  // namespace
}  // namespace hubd::cache
