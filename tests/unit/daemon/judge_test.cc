// SPDX-License-Identifier: Apache-2.0
#include "daemon/doctor/judge.h"

#include <gtest/gtest.h>

namespace hubd::daemon {
namespace {

using std::chrono::seconds;
using Level = Finding::Level;

WallTime at(std::int64_t unix_seconds) { return WallTime(seconds(unix_seconds)); }

TEST(Judge, ReadsTheDateOfAnAnswer) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), at(784111777));
  EXPECT_FALSE(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"));
  EXPECT_FALSE(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT and more"));
  EXPECT_FALSE(parse_http_date(""));
}

TEST(Judge, AClockIsRightNearOrWrong) {
  auto const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  struct Case {
    std::int64_t off;
    Level level;
  };
  for (auto const& [off, level] : {Case{0, Level::ok}, {29, Level::ok}, {-29, Level::ok}, {31, Level::warn}, {-200, Level::warn}, {301, Level::fail}, {-86400 * 365, Level::fail}}) {
    auto const finding = judge_clock("hub:443", date, at(784111777 + off));
    EXPECT_EQ(finding.level, level) << off;
    EXPECT_EQ(finding.remedy.empty(), level == Level::ok) << off;
  }
  EXPECT_NE(judge_clock("hub:443", date, at(784111777 + 400)).what.find("400 s ahead of hub:443"), std::string::npos);
  EXPECT_NE(judge_clock("hub:443", date, at(784111777 - 400)).what.find("400 s behind hub:443"), std::string::npos);
  EXPECT_EQ(judge_clock("hub:443", std::nullopt, at(0)).level, Level::ok);
}

TEST(Judge, TheFloorIsWhereTransfersStop) {
  EXPECT_EQ(judge_space("/cache", 1_GiB, 1_GiB).level, Level::fail);
  EXPECT_EQ(judge_space("/cache", 2_GiB, 1_GiB).level, Level::warn);
  EXPECT_EQ(judge_space("/cache", 100_GiB, 1_GiB).level, Level::ok);
}

TEST(Judge, AnEmptyWindowIsNamedWithWhatHelps) {
  sched::RateWindows::Window window;
  window.key = {"hub:443", "", "api"};
  window.reset = seconds(20);
  auto const anonymous = judge_windows({window});
  EXPECT_EQ(anonymous.level, Level::warn);
  EXPECT_NE(anonymous.what.find("20 s"), std::string::npos);
  EXPECT_NE(anonymous.remedy.find("auth login"), std::string::npos);
  window.remaining = 7;
  EXPECT_EQ(judge_windows({window}).level, Level::ok);
  EXPECT_EQ(judge_windows({}).level, Level::ok);
}

TEST(Judge, ALimitsSentenceSaysItsRemedyApart) {
  auto const findings = judge_limits({"only 128 files may be open: 5 connections are taken; raise the hard limit", ""});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].level, Level::warn);
  EXPECT_EQ(findings[0].what, "only 128 files may be open: 5 connections are taken");
  EXPECT_EQ(findings[0].remedy, "raise the hard limit");
  EXPECT_EQ(judge_limits({}).front().level, Level::ok);
}

}  // namespace
}  // namespace hubd::daemon
