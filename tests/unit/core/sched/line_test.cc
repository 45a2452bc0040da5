// SPDX-License-Identifier: Apache-2.0
#include "core/sched/line.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace hubd::sched {
namespace {

Line::Who who(uid_t uid, Priority priority = Priority::normal, bool awaited = false) { return {Principal{uid}, priority, awaited}; }

std::vector<Line::Ticket> grant_all(Line& line) {
  std::vector<Line::Ticket> granted;
  while (auto const ticket = line.grant()) granted.push_back(*ticket);
  return granted;
}

TEST(Line, WhoCameFirstGoesFirstAndNoMoreGoThanThereArePlaces) {
  Line line(2);
  auto const first = line.ask(who(1));
  auto const second = line.ask(who(1));
  auto const third = line.ask(who(1));
  EXPECT_EQ((std::vector{first, second}), grant_all(line));
  EXPECT_EQ(2U, line.held());
  EXPECT_EQ(1U, line.waiting());
  line.leave(first);
  EXPECT_EQ((std::vector{third}), grant_all(line));
  line.leave(first);  // twice changes nothing
  EXPECT_EQ(2U, line.held());
}

TEST(Line, WhoLeavesTheLineIsNotServed) {
  Line line(1);
  auto const first = line.ask(who(1));
  auto const second = line.ask(who(1));
  line.leave(first);
  EXPECT_EQ((std::vector{second}), grant_all(line));
}

TEST(Line, ThePrincipalWithTheFewestPlacesGoesFirst) {
  Line line(7);
  for (int i = 0; i < 100; ++i) line.ask(who(1, Priority::interactive, true));
  EXPECT_EQ(7U, grant_all(line).size());
  auto const late = line.ask(who(2, Priority::background));
  line.leave(static_cast<Line::Ticket>(3));
  EXPECT_EQ((std::vector{late}), grant_all(line));
}

TEST(Line, WhatSomebodyWaitsForFindsAPlaceThoughThousandsStandInLine) {
  Line line(16);
  for (int i = 0; i < 10'000; ++i) line.ask(who(1, Priority::interactive));
  EXPECT_EQ(14U, grant_all(line).size()) << "an eighth is kept";
  auto const first = line.ask(who(1, Priority::background, true));
  auto const second = line.ask(who(1, Priority::background, true));
  auto const third = line.ask(who(1, Priority::background, true));
  EXPECT_EQ((std::vector{first, second}), grant_all(line));
  line.leave(first);
  EXPECT_EQ((std::vector{third}), grant_all(line));
}

TEST(Line, KindsShareByWeightAndNobodyStarves) {
  Line line(8);
  std::map<Line::Ticket, std::pair<Priority, bool>> kinds;
  for (int i = 0; i < 2'000; ++i)
    for (auto const priority : {Priority::background, Priority::normal, Priority::interactive})
      for (bool const awaited : {false, true}) kinds[line.ask(who(1, priority, awaited))] = {priority, awaited};
  std::map<std::pair<Priority, bool>, int> got;
  for (auto const ticket : grant_all(line)) line.leave(ticket);
  for (int i = 0; i < 10 * 105; ++i) {
    auto const ticket = line.grant();
    ASSERT_TRUE(ticket);
    ++got[kinds[*ticket]];
    line.leave(*ticket);
  }
  for (auto const& [kind, count] : got) {
    auto const share = static_cast<int>(weight(kind.first)) * (kind.second ? 4 : 1) * 10;
    EXPECT_NEAR(share, count, 1) << name_of(kind.first) << (kind.second ? ", awaited" : "");
  }
  EXPECT_EQ(6U, got.size());
}

TEST(Line, AKindThatWasEmptySavesNothingUp) {
  Line line(1);
  for (int i = 0; i < 1'000; ++i) line.ask(who(1));
  for (int i = 0; i < 500; ++i) line.leave(*line.grant());
  std::map<Line::Ticket, bool> urgent;
  for (int i = 0; i < 100; ++i) urgent[line.ask(who(1, Priority::interactive))] = true;
  int others = 0;
  for (int i = 0; i < 50; ++i) {
    auto const ticket = *line.grant();
    others += urgent.contains(ticket) ? 0 : 1;
    line.leave(ticket);
  }
  EXPECT_NEAR(10, others, 1) << "4 to 1, from now on";
}

TEST(Line, AChangeMovesWhoWaitsAndCountsWhoHolds) {
  Line line(8);
  std::vector<Line::Ticket> all;
  for (int i = 0; i < 20; ++i) all.push_back(line.ask(who(1, Priority::background)));
  EXPECT_EQ(7U, grant_all(line).size());
  line.change(all[19], Priority::background, true);
  EXPECT_EQ((std::vector{all[19]}), grant_all(line)) << "somebody waits for it now";
  line.change(all[0], Priority::background, true);
  line.leave(all[19]);
  EXPECT_EQ((std::vector{all[7]}), grant_all(line)) << "six places are held by what nobody waits for";
}

}  // namespace
}  // namespace hubd::sched
