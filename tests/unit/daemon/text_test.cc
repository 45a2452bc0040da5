// SPDX-License-Identifier: Apache-2.0
#include "daemon/text.h"

#include <gtest/gtest.h>

namespace hubd::daemon {
namespace {

TEST(Text, Utf8StaysAndOtherBytesAreSpelledOut) {
  for (auto const* const text : {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "a\\x"})
    EXPECT_EQ(valid_utf8(text), text);
  struct Row {
    char const* text;
    char const* wanted;
  };
  for (auto const& row : {
           Row{"a\xff" "b", "a\\xffb"},
           Row{"\xc3", "\\xc3"},                          // cut short
           Row{"\xc3\xa9\xa9", "\xc3\xa9\\xa9"},          // one byte too many
           Row{"\xc0\xaf", "\\xc0\\xaf"},                 // overlong
           Row{"\xe0\x80\x80", "\\xe0\\x80\\x80"},        // overlong
           Row{"\xed\xa0\x80", "\\xed\\xa0\\x80"},        // a surrogate
           Row{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond the last character
           Row{"\xf8", "\\xf8"},
       })
    EXPECT_EQ(valid_utf8(row.text), row.wanted);
}

TEST(Text, IsCutBetweenCharacters) {
  EXPECT_EQ(shortened("12345678", 8), "12345678");
  EXPECT_EQ(shortened("123456789", 8), "12345...");
  EXPECT_EQ(shortened("1234\xe2\x82\xac" "89", 8), "1234...");
  EXPECT_EQ(shortened("12\xe2\x82\xac" "6789", 8), "12\xe2\x82\xac...");
}

TEST(Text, PasswordsAreMaskedInEverySpelling) {
  struct Row {
    char const* text;
    char const* wanted;
  };
  for (auto const& row : {
           Row{"http://user:pw@proxy:3128", "http://user:****@proxy:3128"},
           Row{"user:pw@proxy:3128", "user:****@proxy:3128"},
           Row{"http://user:p/w@proxy:3128", "http://user:****@proxy:3128"},
           Row{"http://user:p@w@proxy", "http://user:****@proxy"},
           Row{"user:p://w@proxy", "user:****@proxy"},
           Row{"http://token@proxy", "http://****@proxy"},
           Row{"http://proxy:3128", "http://proxy:3128"},
           Row{"proxy:3128", "proxy:3128"},
           Row{"", ""},
       })
    EXPECT_EQ(without_password(row.text), row.wanted) << row.text;
}

}  // namespace
}  // namespace hubd::daemon
