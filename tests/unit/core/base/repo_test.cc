// SPDX-License-Identifier: Apache-2.0
#include "core/base/repo.h"

#include <gtest/gtest.h>

namespace hubd {
namespace {

TEST(RepoId, AcceptsWhatTheHubAccepts) {
  for (char const* id : {"gpt2", "a/b", "meta-llama/Llama-3.1-8B", "A_b/c.d", "0/1"}) EXPECT_TRUE(check_repo_id(id)) << id;
  EXPECT_TRUE(check_repo_id(std::string(96, 'a') + "/" + std::string(96, 'b')));
}

TEST(RepoId, RefusesWhatTheStockClientRefuses) {
  for (char const* id : {"", "/", "a/", "/b", "a/b/c", "a--b/c", "a/b..c", "a/b.git", "-a/b", "a/b-", ".a/b", "a/b.",
                         "a b/c", "a/\xc3\xa9", "a/b\n", "../x", "a/.."}) {
    auto const checked = check_repo_id(id);
    ASSERT_FALSE(checked) << id;
    EXPECT_EQ(checked.error().kind, ErrorKind::bad_request);
  }
  EXPECT_FALSE(check_repo_id(std::string(97, 'a')));
}

TEST(RepoPath, StaysInsideTheSnapshot) {
  for (char const* path : {"a", "a/b.txt", "..a", "a..", "a/..b/c", ".gitattributes"}) EXPECT_TRUE(check_repo_path(path)) << path;
  for (char const* path : {"", "/a", "\\a", "..", "../a", "a/../b", "a/..", "a\\..\\b", "a//b", "a/", "./a", "a/./b", "C:/x", "a/C:x"})
    EXPECT_FALSE(check_repo_path(path)) << path;
  EXPECT_FALSE(check_repo_path(std::string_view("a\0b", 3)));
  EXPECT_FALSE(check_repo_path(std::string(5000, 'a')));
}

TEST(RepoPath, ErrorsNameShortNamesOnly) {
  EXPECT_NE(check_repo_path("../a").error().what.find("'../a'"), std::string::npos);
  EXPECT_LT(check_repo_path(std::string(1'000'000, 'a')).error().what.size(), 200U);
  EXPECT_NE(check_repo_id("a--b").error().what.find("'a--b'"), std::string::npos);
  EXPECT_LT(check_repo_id(std::string(1'000'000, 'a')).error().what.size(), 200U);
}

TEST(RepoType, NamesInBothNumbers) {
  EXPECT_EQ(repo_type_from("model"), RepoType::model);
  EXPECT_EQ(repo_type_from("datasets"), RepoType::dataset);
  EXPECT_EQ(plural_of(RepoType::space), "spaces");
  EXPECT_FALSE(repo_type_from("bucket"));
}

TEST(Commit, IsExactlyFortyLowerCaseHexDigits) {
  EXPECT_TRUE(Commit::parse(std::string(40, 'a')));
  EXPECT_FALSE(Commit::parse(std::string(40, 'A')));
  EXPECT_FALSE(Commit::parse(std::string(40, 'a') + "\n"));
  EXPECT_FALSE(Commit::parse("main"));
}

}  // namespace
}  // namespace hubd
