// SPDX-License-Identifier: Apache-2.0
#include "core/base/pattern.h"

#include <gtest/gtest.h>

namespace hubd {
namespace {

struct Row {
  char const* pattern;
  char const* path;
  bool matches;
};

// Expected values were produced by Python's fnmatch.fnmatchcase.
constexpr Row kRows[] = {
    {"*.json", "config.json", true},
    {"*.json", "a/b.json", true},
    {"*.json", "a.json.bak", false},
    {"*", "", true},
    {"?", "", false},
    {"a?c", "a/c", true},
    {"**", "a/b/c", true},
    {"a/**/c", "a/b/c", true},
    {"a/**/c", "a/c", false},
    {"[ab]x", "bx", true},
    {"[!ab]x", "bx", false},
    {"[!ab]x", "cx", true},
    {"[a-c]x", "bx", true},
    {"[c-a]x", "bx", false},
    {"[]]x", "]x", true},
    {"[ab", "[ab", true},
    {"[ab", "a", false},
    {"[a-]x", "-x", true},
    {"Model*", "model.bin", false},
    {"*a*b*c*", "xxaxxbxxcxx", true},
    {"*.safetensors", "model-00001-of-00002.safetensors", true},
    {"\\*", "*", false},
};

TEST(Fnmatch, IsPythons) {
  for (auto const& row : kRows) EXPECT_EQ(fnmatch(row.pattern, row.path), row.matches) << row.pattern << " on " << row.path;
}

TEST(Fnmatch, StaysFastOnHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "*a";
  EXPECT_FALSE(fnmatch(pattern + "b", std::string(2000, 'a')));
}

TEST(PathFilter, NoAllowListKeepsEverythingAnEmptyOneNothing) {
  EXPECT_TRUE((PathFilter{}).keeps("a"));
  EXPECT_FALSE((PathFilter{std::vector<std::string>{}, {}}).keeps("a"));
}

TEST(PathFilter, AllowsFirstThenIgnores) {
  PathFilter const filter{std::vector<std::string>{"*.json", "onnx/"}, {"*/skip.json"}};
  EXPECT_TRUE(filter.keeps("config.json"));
  EXPECT_TRUE(filter.keeps("onnx/model.bin"));
  EXPECT_FALSE(filter.keeps("a/skip.json"));
  EXPECT_FALSE(filter.keeps("model.bin"));
}

TEST(PathFilter, BackslashesCountAsSlashes) {
  PathFilter const filter{std::vector<std::string>{"a\\*"}, {}};
  EXPECT_TRUE(filter.keeps("a/b"));
}

}  // namespace
}  // namespace hubd
