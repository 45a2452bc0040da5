// SPDX-License-Identifier: Apache-2.0
#include "core/sched/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "core/base/random.h"

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

TEST(Admission, AHigherPriorityGoesFirstOnceBothHoldSomethingAndMayBeRaised) {
  Admission admission({.total = 17, .per_host = 99, .per_file = 99});
  auto const with = [](unsigned transfer, Priority priority) {
    auto one = who(1, transfer, transfer);
    one.priority = priority;
    return one;
  };
  std::map<Admission::Ticket, unsigned> owner;
  for (unsigned i = 0; i < 40; ++i)
    for (auto const& [transfer, priority] : {std::pair(1U, Priority::background), std::pair(2U, Priority::interactive)})
      owner[admission.ask(with(transfer, priority))] = transfer;
  std::map<unsigned, int> granted;
  std::vector<Admission::Ticket> held;
  while (auto const ticket = admission.grant()) {
    ++granted[owner.at(*ticket)];
    held.push_back(*ticket);
  }
  EXPECT_EQ(1, granted[1]);
  EXPECT_EQ(16, granted[2]) << "16 to 1";
  admission.set_priority(FileKey{1}, Priority::interactive, false);
  granted.clear();
  for (int i = 0; i < 8; ++i) {
    admission.leave(held.back());
    held.pop_back();
    auto const ticket = admission.grant();
    ASSERT_TRUE(ticket);
    ++granted[owner.at(*ticket)];
  }
  EXPECT_GE(granted[1], 7) << "what it waits for and what it holds count as the other's";
}

/// Transfers of one file each hold nothing while they wait: the weight says how many others may go before.
TEST(Admission, OfManyThatHoldNothingTheWeightierGoSoonerAndTheLightestGoesToo) {
  Admission admission({.total = 4, .per_host = 99, .per_file = 99});
  unsigned next = 0;
  auto const ask = [&](Priority priority, bool awaited) {
    ++next;
    auto one = who(1, next, next);
    one.priority = priority;
    one.awaited = awaited;
    return admission.ask(one);
  };
  std::deque<Admission::Ticket> held;
  auto const until = [&](Admission::Ticket wanted) {
    for (int grants = 1; grants < 10'000; ++grants) {
      admission.leave(held.front());
      held.pop_front();
      ask(Priority::normal, false);  // for each that goes another comes
      auto const ticket = admission.grant();
      if (!ticket) return -1;
      held.push_back(*ticket);
      if (*ticket == wanted) return grants;
    }
    return -1;
  };
  for (int i = 0; i < 164; ++i) ask(Priority::normal, false);
  while (auto const ticket = admission.grant()) held.push_back(*ticket);
  (void)until(Admission::Ticket{1'000});  // the steady state
  auto const patient = ask(Priority::background, false);
  EXPECT_NEAR(10, until(ask(Priority::interactive, true)), 4) << "a sixteenth of the 160 that stand there";
  EXPECT_NEAR(40, until(ask(Priority::interactive, false)), 8);
  EXPECT_NEAR(40, until(ask(Priority::normal, true)), 8);
  EXPECT_NEAR(160, until(ask(Priority::normal, false)), 8);
  auto const left = until(patient);
  EXPECT_GT(left, 0) << "not passed by for ever";
  EXPECT_LE(left, 640);
}

/// The rule as it is written, by looking at everybody: what the ordered lines must come to.
class ByLooking {
 public:
  using Ticket = Admission::Ticket;
  void ask(Ticket ticket, Admission::Who who) {
    auto& mine = turns[who.transfer];
    if (!waits(who.transfer)) mine.behind = std::max(mine.behind, turn);
    mine.stride = stride(who.priority, who.awaited);
    waiting.emplace(ticket, std::move(who));
  }
  void leave(Ticket ticket) {
    waiting.erase(ticket);
    granted.erase(ticket);
    std::erase_if(turns, [&](auto const& one) { return !waits(one.first) && !holds(one.first); });
  }
  void set_priority(FileKey file, Priority priority, bool awaited) {
    for (auto* const map : {&waiting, &granted})
      for (auto& [ticket, one] : *map) {
        if (one.file != file) continue;
        one.priority = priority;
        one.awaited = awaited;
        turns[one.transfer].stride = stride(priority, awaited);
      }
  }
  [[nodiscard]] bool waits(TransferKey transfer) const {
    return std::any_of(waiting.begin(), waiting.end(), [&](auto const& entry) { return entry.second.transfer == transfer; });
  }
  [[nodiscard]] bool holds(TransferKey transfer) const {
    return std::any_of(granted.begin(), granted.end(), [&](auto const& entry) { return entry.second.transfer == transfer; });
  }
  std::optional<Ticket> grant() {
    auto const held = [&](auto const& matches, bool weighed) {
      std::uint64_t sum = 0;
      for (auto const& [ticket, one] : granted)
        if (matches(one)) sum += weighed ? 16 / weight(one.priority) : 1;
      return sum;
    };
    if (granted.size() >= limits.total) return std::nullopt;
    std::optional<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, Ticket>> best;
    for (auto const& [ticket, one] : waiting) {
      if (held([&](auto const& other) { return other.host == one.host; }, false) >= limits.per_host) continue;
      if (held([&](auto const& other) { return other.file == one.file; }, false) >= limits.per_file) continue;
      std::tuple const order(held([&](auto const& other) { return other.principal == one.principal; }, true),
                             held([&](auto const& other) { return other.transfer == one.transfer; }, true),
                             turns.at(one.transfer).behind + turns.at(one.transfer).stride * Admission::turn_unit, ticket);
      if (!best || order < *best) best = order;
    }
    if (!best) return std::nullopt;
    std::set<TransferKey> waiters;
    for (auto const& [ticket, one] : waiting)
      if (held([&](auto const& other) { return other.file == one.file; }, false) < limits.per_file) waiters.insert(one.transfer);
    std::uint64_t sum = 0;
    for (auto const transfer : waiters) sum += stride_max / turns.at(transfer).stride;
    turn += Admission::step(sum);
    auto const far = stride_max * Admission::turn_unit;
    turn = std::max(turn, std::get<2>(*best) - std::min(std::get<2>(*best), far));
    turns.at(waiting.at(std::get<Ticket>(*best)).transfer).behind = std::get<2>(*best);
    granted.insert(waiting.extract(std::get<Ticket>(*best)));
    return std::get<Ticket>(*best);
  }
  Admission::Limits limits;
  struct Turn {
    std::uint64_t behind = 0;
    std::uint64_t stride = 1;
  };
  std::map<TransferKey, Turn> turns;
  std::uint64_t turn = 0;
  std::map<Ticket, Admission::Who> waiting;
  std::map<Ticket, Admission::Who> granted;
};

TEST(Admission, TheOrderedLinesAreTheRuleForEveryHistory) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    auto const random = seeded_random(seed);
    auto const below = [&](std::uint64_t end) { return static_cast<unsigned>(random->next() % end); };
    auto const limits = [&] { return Admission::Limits{1 + below(12), 1 + below(8), 1 + below(4)}; };
    ByLooking looking;
    looking.limits = limits();
    Admission admission(looking.limits);
    std::vector<Admission::Ticket> tickets;
    for (int step = 0; step < 400; ++step) {
      auto const dice = below(100);
      if (dice < 45) {
        auto const file = below(12);
        auto one = who(1 + file % 3, file / 2, file, file % 4 < 2 ? "a" : "b");
        one.principal = Principal{1 + file / 2 % 3};
        one.priority = static_cast<Priority>(file % 3);
        one.awaited = below(2) == 0;
        auto const ticket = admission.ask(one);
        looking.ask(ticket, one);
        tickets.push_back(ticket);
      } else if (dice < 80 && !tickets.empty()) {
        auto const ticket = tickets[below(tickets.size())];
        admission.leave(ticket);
        looking.leave(ticket);
      } else if (dice < 88) {
        FileKey const file{below(12)};
        auto const priority = static_cast<Priority>(below(3));
        bool const awaited = below(2) == 0;
        admission.set_priority(file, priority, awaited);
        looking.set_priority(file, priority, awaited);
      } else if (dice < 92) {
        looking.limits = limits();
        admission.set_limits(looking.limits);
      }
      for (unsigned i = below(3); i > 0; --i) ASSERT_EQ(looking.grant(), admission.grant());
      ASSERT_EQ(looking.waiting.size(), admission.waiting());
      ASSERT_EQ(looking.granted.size(), admission.in_use());
    }
  }
}

}  // namespace
}  // namespace hubd::sched
