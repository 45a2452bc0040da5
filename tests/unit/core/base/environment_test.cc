// SPDX-License-Identifier: Apache-2.0
#include "core/base/environment.h"

#include <gtest/gtest.h>

namespace hubd {
namespace {

TEST(Environment, PathsExpandAsPythonDoes) {
  Environment const environment{{"HOME", "/h"}, {"A", "x"}, {"EMPTY", ""}};
  struct Case {
    char const* text;
    char const* expanded;
  };
  for (auto const& [text, expanded] :
       {Case{"~/a", "/h/a"}, Case{"~", "/h"}, Case{"~bob/a", "~bob/a"}, Case{"/$A/${A}y/$B", "/x/xy/$B"},
        Case{"/a~/b", "/a~/b"}, Case{"${EMPTY}a", "a"}, Case{"${NOT_SET}/a", "${NOT_SET}/a"}, Case{"$", "$"},
        Case{"${A", "${A"}, Case{"rel/$A", "rel/x"}, Case{"", ""}})
    EXPECT_EQ(expanded, expand_path(text, environment)) << text;
}

TEST(Environment, HomeIsTheVariableElseTheUserDatabase) {
  EXPECT_EQ("/h", home_folder({{"HOME", "/h"}}));
  EXPECT_TRUE(home_folder({{"HOME", ""}}).starts_with('/'));
}

TEST(Environment, AnUnsetVariableIsEmpty) {
  EXPECT_EQ("", variable({}, "A"));
  EXPECT_EQ("x", variable({{"A", "x"}}, "A"));
}

}  // namespace
}  // namespace hubd
