// SPDX-License-Identifier: Apache-2.0
#include "client/cli/repo_file.h"

#include <gtest/gtest.h>

namespace hubd::cli {
namespace {

using client::RepoType;
using Names = std::vector<std::string>;

TEST(RepoFile, ALineIsARepoAndItsPatterns) {
  auto const lines = parse_repo_file(
      "# models of the week\n"
      "\n"
      "acme/model\r\n"
      "  datasets/acme/data@v1.0   *.csv \"with blank/*.json\"  # the tables\n"
      "acme/model@refs/pr/3 config.json\n"
      "hf://spaces/acme/app@main/src/app.py\n"
      "acme/other onnx/ config.json",
      "list");
  ASSERT_TRUE(lines);
  ASSERT_EQ(5U, lines->size());
  auto const& all = (*lines)[0];
  EXPECT_EQ(3U, all.number);
  EXPECT_EQ("acme/model", all.name.repo.id);
  EXPECT_FALSE(all.selected.selection.allow);
  auto const& data = (*lines)[1];
  EXPECT_EQ(4U, data.number);
  EXPECT_EQ(RepoType::dataset, data.name.repo.type);
  EXPECT_EQ("v1.0", data.name.repo.revision);
  EXPECT_EQ((Names{"*.csv", "with blank/*.json"}), data.selected.selection.allow);
  auto const& one = (*lines)[2];
  EXPECT_EQ("refs/pr/3", one.name.repo.revision);
  EXPECT_TRUE(one.selected.single_file);
  EXPECT_EQ(Names{"config.json"}, one.selected.selection.files);
  EXPECT_EQ(Names{"src/app.py"}, (*lines)[3].selected.selection.files);
  EXPECT_EQ((Names{"onnx/", "config.json"}), (*lines)[4].selected.selection.allow);
}

TEST(RepoFile, AGlobAloneIsAPatternAndNoFileName) {
  auto const lines = parse_repo_file("acme/model *.json", "list");
  ASSERT_TRUE(lines);
  EXPECT_FALSE((*lines)[0].selected.single_file);
  EXPECT_EQ(Names{"*.json"}, (*lines)[0].selected.selection.allow);
}

TEST(RepoFile, TheFirstWrongLineIsNamed) {
  struct Case {
    char const* text;
    char const* where;
  };
  for (auto const& [text, where] : {Case{"a/b\n\n# c\nnot//valid\n", "list:4: "}, Case{"a/b@\n", "list:1: "},
                                    Case{"a/b\na/b \"open\n", "list:2: "}, Case{"a/b --revision main\n", "list:1: "},
                                    Case{"a/b ../up\n", "list:1: "}, Case{"hf://buckets/a/b\n", "list:1: "},
                                    Case{"hf://a/b/file *.json\n", "list:1: "}, Case{"a/b \"\"\n", "list:1: "}}) {
    auto const lines = parse_repo_file(text, "list");
    ASSERT_FALSE(lines) << text;
    EXPECT_TRUE(lines.error().message.starts_with(where)) << lines.error().message;
    EXPECT_EQ(client::ErrorKind::bad_request, lines.error().kind);
  }
}

TEST(RepoFile, AFileWithoutReposIsWrong) {
  for (auto const* const text : {"", "\n", "# nothing\n  # here"}) EXPECT_FALSE(parse_repo_file(text, "list"));
  EXPECT_FALSE(read_repo_file("/nonexistent/list"));
}

TEST(RepoFile, ATextOfWindowsReadsTheSame) {
  auto const lines = parse_repo_file(
      "\xEF\xBB\xBF"
      "a/b x\r\nc/d\r\n",
      "list");
  ASSERT_TRUE(lines);
  EXPECT_EQ(Names{"x"}, (*lines)[0].selected.selection.files);
  EXPECT_EQ("c/d", (*lines)[1].name.repo.id);
}

}  // namespace
}  // namespace hubd::cli
