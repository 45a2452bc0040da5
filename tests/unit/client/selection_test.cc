// SPDX-License-Identifier: Apache-2.0
#include "client/cli/selection.h"

#include <gtest/gtest.h>

namespace hubd::cli {
namespace {

using Names = std::vector<std::string>;

TEST(SelectFiles, NothingNamedMeansEverything) {
  auto const selected = select_files({}, "", {}, {});
  ASSERT_TRUE(selected);
  EXPECT_FALSE(selected->selection.allow);
  EXPECT_TRUE(selected->selection.files.empty());
  EXPECT_FALSE(selected->single_file);
}

TEST(SelectFiles, PatternsFilter) {
  auto const selected = select_files({}, "", {"*.json"}, {"test/*"});
  ASSERT_TRUE(selected);
  EXPECT_EQ(Names{"*.json"}, selected->selection.allow);
  EXPECT_EQ(Names{"test/*"}, selected->selection.ignore);
}

TEST(SelectFiles, OneNameIsThatFileAlone) {
  auto const selected = select_files({"config.json"}, "", {"*.bin"}, {});
  ASSERT_TRUE(selected);
  EXPECT_TRUE(selected->single_file);
  EXPECT_TRUE(selected->patterns_ignored);
  EXPECT_EQ(Names{"config.json"}, selected->selection.files);
  EXPECT_FALSE(selected->selection.allow);
}

TEST(SelectFiles, SeveralNamesArePatterns) {
  auto const selected = select_files({"a.txt", "sub/*"}, "", {}, {"*.bin"});
  ASSERT_TRUE(selected);
  EXPECT_FALSE(selected->single_file);
  EXPECT_TRUE(selected->patterns_ignored);
  EXPECT_EQ((Names{"a.txt", "sub/*"}), selected->selection.allow);
  EXPECT_TRUE(selected->selection.ignore.empty());
  EXPECT_EQ(Names{"a.txt"}, selected->names);
}

TEST(SelectFiles, AFolderIsAPatternAndStandsAlone) {
  auto const selected = select_files({"onnx/"}, "", {}, {});
  ASSERT_TRUE(selected);
  EXPECT_FALSE(selected->single_file);
  EXPECT_EQ(Names{"onnx/"}, selected->selection.allow);
  EXPECT_FALSE(select_files({"onnx/"}, "", {"*.json"}, {}));
  EXPECT_FALSE(select_files({"onnx/"}, "", {}, {"*.json"}));
}

TEST(SelectFiles, AUriPathIsAName) {
  auto const selected = select_files({}, "a/b.txt", {}, {});
  ASSERT_TRUE(selected);
  EXPECT_EQ(Names{"a/b.txt"}, selected->selection.files);
  EXPECT_FALSE(select_files({"c.txt"}, "a/b.txt", {}, {}));
}

}  // namespace
}  // namespace hubd::cli
