// SPDX-License-Identifier: Apache-2.0
#include "core/sched/admission.h"

#include <gtest/gtest.h>

#include <set>

namespace hubd::sched {
namespace {

Admission::Who who(unsigned principal, unsigned transfer, unsigned file, std::string host = "hub") {
  return {Principal{principal}, TransferKey{transfer}, FileKey{file}, std::move(host)};
}

std::size_t grant_all(Admission& admission) {
  std::size_t count = 0;
  while (admission.grant()) ++count;
  return count;
}

TEST(Admission, EveryCeilingHolds) {
  Admission total({.total = 3, .per_host = 9, .per_file = 9});
  for (unsigned i = 0; i < 8; ++i) total.ask(who(1, 1, i));
  EXPECT_EQ(3U, grant_all(total));

  Admission host({.total = 9, .per_host = 2, .per_file = 9});
  for (unsigned i = 0; i < 8; ++i) host.ask(who(1, 1, i, i % 2 == 0 ? "a" : "b"));
  EXPECT_EQ(4U, grant_all(host));

  Admission file({.total = 9, .per_host = 9, .per_file = 2});
  for (unsigned i = 0; i < 8; ++i) file.ask(who(1, 1, 7));
  EXPECT_EQ(2U, grant_all(file));
  EXPECT_EQ(6U, file.waiting());
}

TEST(Admission, APermitThatComesBackGoesOn) {
  Admission admission({.total = 1, .per_host = 1, .per_file = 1});
  auto const first = admission.ask(who(1, 1, 1));
  auto const second = admission.ask(who(1, 1, 2));
  EXPECT_EQ(first, admission.grant());
  EXPECT_EQ(std::nullopt, admission.grant());
  admission.leave(first);
  EXPECT_EQ(second, admission.grant());
  admission.leave(second);
  EXPECT_EQ(0U, admission.in_use());
}

TEST(Admission, WhoLeavesTheLineIsNotServed) {
  Admission admission({.total = 1, .per_host = 1, .per_file = 1});
  auto const first = admission.ask(who(1, 1, 1));
  auto const second = admission.ask(who(1, 1, 2));
  admission.leave(first);
  EXPECT_EQ(second, admission.grant());
  admission.leave(first);  // twice changes nothing
  EXPECT_EQ(1U, admission.in_use());
}

TEST(Admission, ANewTransferIsServedBeforeABusyOne) {
  Admission admission({.total = 4, .per_host = 9, .per_file = 9});
  for (unsigned i = 0; i < 8; ++i) admission.ask(who(1, 1, i));
  EXPECT_EQ(4U, grant_all(admission));
  auto const late = admission.ask(who(1, 2, 100));
  admission.leave(Admission::Ticket{1});
  EXPECT_EQ(late, admission.grant());
}

TEST(Admission, APrincipalWithManyTransfersDoesNotCrowdOutAnother) {
  Admission admission({.total = 4, .per_host = 9, .per_file = 9});
  for (unsigned i = 0; i < 20; ++i) admission.ask(who(1, i, i));
  std::set<Admission::Ticket> other{admission.ask(who(2, 50, 50)), admission.ask(who(2, 51, 51))};
  std::size_t served = 0;
  for (int i = 0; i < 4; ++i) {
    auto const ticket = admission.grant();
    ASSERT_TRUE(ticket);
    served += other.contains(*ticket) ? 1 : 0;
  }
  EXPECT_EQ(2U, served);
}

TEST(Admission, NobodyStarves) {
  Admission admission({.total = 2, .per_host = 9, .per_file = 9});
  auto const patient = admission.ask(who(1, 1, 1));
  std::vector<Admission::Ticket> granted;
  bool served = false;
  for (unsigned round = 0; round < 50 && !served; ++round) {
    admission.ask(who(1, 2, 100 + round));
    while (auto const ticket = admission.grant()) {
      served = served || *ticket == patient;
      granted.push_back(*ticket);
    }
    if (!granted.empty()) {
      admission.leave(granted.front());
      granted.erase(granted.begin());
    }
  }
  EXPECT_TRUE(served);
}

}  // namespace
}  // namespace hubd::sched
