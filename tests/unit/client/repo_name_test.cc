// SPDX-License-Identifier: Apache-2.0
#include "client/cli/repo_name.h"

#include <gtest/gtest.h>

namespace hubd::cli {
namespace {

using client::RepoType;

TEST(ParseRepo, TakesIdsPrefixesAndUris) {
  struct Row {
    char const* text;
    char const* type;
    char const* revision;
    RepoType want_type;
    char const* want_id;
    char const* want_revision;
    char const* want_path;
  };
  for (auto const& row :
       {Row{"acme/model", "", "", RepoType::model, "acme/model", "", ""},
        Row{"gpt2", "", "v1", RepoType::model, "gpt2", "v1", ""},
        Row{"acme/data", "dataset", "", RepoType::dataset, "acme/data", "", ""},
        Row{"acme/data", "datasets", "", RepoType::dataset, "acme/data", "", ""},
        Row{"datasets/acme/data", "", "", RepoType::dataset, "acme/data", "", ""},
        Row{"models/acme/model", "", "", RepoType::model, "acme/model", "", ""},
        Row{"datasets/name", "", "", RepoType::model, "datasets/name", "", ""},
        Row{"acme/tiny/more/parts", "", "", RepoType::model, "acme/tiny/more/parts", "", ""},
        Row{"hf://acme/model", "", "", RepoType::model, "acme/model", "", ""},
        Row{"hf://spaces/acme/app@v2/app.py", "", "", RepoType::space, "acme/app", "v2", "app.py"},
        Row{"hf://acme/model@refs/pr/1/a/b.txt", "", "", RepoType::model, "acme/model", "refs/pr/1", "a/b.txt"},
        Row{"hf://acme/model/sub/file@2.txt", "", "", RepoType::model, "acme/model", "", "sub/file@2.txt"}}) {
    auto const name = parse_repo(row.text, row.type, row.revision);
    ASSERT_TRUE(name) << row.text;
    EXPECT_EQ(row.want_type, name->repo.type) << row.text;
    EXPECT_EQ(row.want_id, name->repo.id) << row.text;
    EXPECT_EQ(row.want_revision, name->repo.revision) << row.text;
    EXPECT_EQ(row.want_path, name->path) << row.text;
  }
}

TEST(ParseRepo, RefusesContradictions) {
  EXPECT_FALSE(parse_repo("datasets/acme/data", "model", ""));
  EXPECT_FALSE(parse_repo("hf://acme/model", "model", ""));
  EXPECT_FALSE(parse_repo("hf://acme/model", "", "v1"));
  EXPECT_FALSE(parse_repo("hf://acme/model@", "", ""));
  EXPECT_FALSE(parse_repo("hf://buckets/acme/b", "", ""));
}

TEST(ParseRepoAt, TakesARevisionBehindTheFirstAt) {
  auto const name = parse_repo_at("datasets/acme/data@refs/pr/3", "", "");
  ASSERT_TRUE(name);
  EXPECT_EQ(RepoType::dataset, name->repo.type);
  EXPECT_EQ("acme/data", name->repo.id);
  EXPECT_EQ("refs/pr/3", name->repo.revision);
  EXPECT_EQ("", parse_repo_at("acme/model", "", "")->repo.revision);
  EXPECT_FALSE(parse_repo_at("acme/model@", "", ""));
  EXPECT_FALSE(parse_repo_at("acme/model@v1", "", "v2"));
}

}  // namespace
}  // namespace hubd::cli
