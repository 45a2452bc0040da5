// SPDX-License-Identifier: Apache-2.0
#include "client/cli/text.h"

#include <gtest/gtest.h>

namespace hubd::cli {
namespace {

TEST(CompactSize, IsWrittenAsHfWritesIt) {
  EXPECT_EQ("0.0", compact_size(0));
  EXPECT_EQ("999.0", compact_size(999));
  EXPECT_EQ("1.0K", compact_size(1000));
  EXPECT_EQ("1.2M", compact_size(1'234'567));
  EXPECT_EQ("50.0G", compact_size(50'000'000'000));
  EXPECT_EQ("18446.7P", compact_size(UINT64_MAX));
}

TEST(AgeText, TakesTheFirstUnitThatIsNotTooLarge) {
  struct Row {
    std::int64_t seconds;
    char const* text;
  };
  for (auto const& row :
       {Row{0, "a few seconds ago"}, Row{19, "a few seconds ago"}, Row{20, "20 seconds ago"}, Row{60, "1 minute ago"},
        Row{7200, "2 hours ago"}, Row{86400, "1 day ago"}, Row{6 * 86400, "6 days ago"}, Row{7 * 86400, "1 week ago"},
        Row{60 * 86400, "2 months ago"}, Row{800LL * 86400, "2 years ago"}})
    EXPECT_EQ(row.text, age_text(row.seconds)) << row.seconds;
}

TEST(DurationText, HasTwoUnitsAtMost) {
  EXPECT_EQ("0 s", duration_text(-5));
  EXPECT_EQ("59 s", duration_text(59));
  EXPECT_EQ("3 min 5 s", duration_text(185));
  EXPECT_EQ("2 h", duration_text(7200));
  EXPECT_EQ("1 d 1 h", duration_text(90000));
}

TEST(ParseSize, TakesDecimalUnitsAndNothingElse) {
  EXPECT_EQ(42U, parse_size("42"));
  EXPECT_EQ(1000U, parse_size("1k"));
  EXPECT_EQ(2'000'000'000U, parse_size("2GB"));
  EXPECT_EQ(3'000'000U, parse_size("3 Mb"));
  for (auto const* const wrong : {"", "k", "1.5G", "1x", "-1", "1kk", "20000000000P"})
    EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(ParseDuration, TakesAgesAsHfDoes) {
  EXPECT_EQ(90, parse_duration("90"));
  EXPECT_EQ(30 * 86400, parse_duration("30d"));
  EXPECT_EQ(2 * 2592000, parse_duration("2mo"));
  EXPECT_EQ(31536000, parse_duration("1Y"));
  for (auto const* const wrong : {"", "d", "1.5d", "1 fortnight"}) EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(Printable, ShowsControlCharactersAndKeepsUtf8) {
  EXPECT_EQ("a\\nb\\x1b[2J", printable("a\nb\x1b[2J"));
  EXPECT_EQ("mod\u00e8le", printable("mod\u00e8le"));
}

TEST(Cut, CountsCharactersNotBytes) {
  EXPECT_EQ("abc", cut("abc", 3));
  EXPECT_EQ("a...", cut("abcde", 4));
  EXPECT_EQ("\u00e8\u00e8\u00e8\u00e8", cut("\u00e8\u00e8\u00e8\u00e8", 4));
  EXPECT_EQ("\u00e8...", cut("\u00e8\u00e8\u00e8\u00e8\u00e8", 4));
}

TEST(Nearest, FindsATypoAndNothingFarAway) {
  std::vector<std::string> const words{"download", "plan", "ready", "status"};
  EXPECT_EQ("download", nearest("downlaod", words));
  EXPECT_EQ("status", nearest("statu", words));
  EXPECT_FALSE(nearest("upload-everything", words));
}

}  // namespace
}  // namespace hubd::cli
