// SPDX-License-Identifier: Apache-2.0
#include "core/engine/event_log.h"

#include <gtest/gtest.h>

namespace hubd::engine {
namespace {

using Kind = TransferEvent::Kind;

WallTime at(int seconds) { return WallTime(std::chrono::seconds(seconds)); }

TEST(EventLog, KeepsTheLastTen) {
  EventLog log;
  for (int i = 0; i < 25; ++i) log.add(Kind::waiting, at(i), std::to_string(i));
  ASSERT_EQ(10U, log.events().size());
  EXPECT_EQ("15", log.events().front().what);
  EXPECT_EQ("24", log.events().back().what);
  EXPECT_EQ(at(24), log.events().back().time);
}

TEST(EventLog, FilesInARowAreOneEvent) {
  EventLog log;
  log.add(Kind::waiting, at(0), "the next try");
  for (int i = 1; i <= 1000; ++i) log.add(Kind::published, at(i), "part-" + std::to_string(i));
  log.add(Kind::waiting, at(2000), "again");
  log.add(Kind::published, at(2001), "last");
  ASSERT_EQ(4U, log.events().size());
  EXPECT_EQ("the next try", log.events()[0].what);
  EXPECT_EQ(1000U, log.events()[1].count);
  EXPECT_EQ("part-1000", log.events()[1].what);
  EXPECT_EQ(at(1000), log.events()[1].time);
  EXPECT_EQ(1U, log.events()[3].count);
}

TEST(EventLog, ALongTextIsCutBetweenCharacters) {
  EventLog log;
  std::string what = "x";
  while (what.size() < 2 * EventLog::what_max) what += "\u00e4";
  log.add(Kind::waiting, at(0), what);
  auto const& kept = log.events().front().what;
  EXPECT_LE(kept.size(), EventLog::what_max + 3);
  EXPECT_EQ("\u00e4...", kept.substr(kept.size() - 5));
}

}  // namespace
}  // namespace hubd::engine
