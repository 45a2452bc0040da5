// SPDX-License-Identifier: Apache-2.0
#include "core/sched/bandwidth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "core/sched/bandwidth_plan.h"

namespace hubd::sched {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time start{seconds(1000)};

/// Readers that always want more, each with one ticket in line, under a clock that jumps to whatever is next.
class Readers {
 public:
  explicit Readers(Bandwidth& bandwidth) : bandwidth_(bandwidth) {}

  void join(unsigned principal, unsigned transfer, Priority priority = Priority::normal) {
    ask({Principal{principal}, TransferKey{transfer}, priority});
  }
  void run(Duration span) {
    auto const end = now_ + span;
    while (true) {
      while (auto const grant = bandwidth_.grant(now_)) {
        auto const who = who_.at(grant->ticket);
        who_.erase(grant->ticket);
        by_transfer_[static_cast<unsigned>(who.transfer)] += grant->bytes;
        total_ += grant->bytes;
        largest_ = std::max(largest_, grant->bytes);
        ask(who);
        if (!bandwidth_.rate()) break;
      }
      auto const next = bandwidth_.next(now_);
      ASSERT_TRUE(next);
      if (*next >= end) break;
      ASSERT_GT(*next, now_) << "nothing was granted, and the time does not move on";
      now_ = *next;
    }
    now_ = end;
  }

  Bytes of(unsigned transfer) { return by_transfer_[transfer]; }
  Bytes total_ = 0;
  Bytes largest_ = 0;
  Time now_ = start;

 private:
  void ask(Bandwidth::Who who) { who_.emplace(bandwidth_.ask(who), who); }
  Bandwidth& bandwidth_;
  std::map<Bandwidth::Ticket, Bandwidth::Who> who_;
  std::map<unsigned, Bytes> by_transfer_;
};

void expect_near(double wanted, Bytes got, double part = 0.03) {
  EXPECT_NEAR(wanted, static_cast<double>(got), wanted * part);
}

TEST(Bandwidth, ARateHoldsWhateverItIs) {
  for (Bytes const rate : {Bytes{64 * 1024}, Bytes{1'000'000}, Bytes{50'000'000}, Bytes{2'000'000'000}}) {
    Bandwidth bandwidth;
    bandwidth.set_rate(start, rate);
    Readers readers(bandwidth);
    for (unsigned i = 0; i < 64; ++i) readers.join(1, i);
    readers.run(seconds(30));
    expect_near(30.0 * static_cast<double>(rate), readers.total_);
    EXPECT_LE(readers.largest_, Bandwidth::quantum_max);
  }
}

TEST(Bandwidth, WithoutARateEverybodyGoes) {
  Bandwidth bandwidth;
  std::set<Bandwidth::Ticket> granted;
  for (unsigned i = 0; i < 10; ++i) bandwidth.ask({Principal{1}, TransferKey{i}});
  while (auto const grant = bandwidth.grant(start)) granted.insert(grant->ticket);
  EXPECT_EQ(10U, granted.size());
}

TEST(Bandwidth, AChangeTakesEffectForWhoWaits) {
  Bandwidth bandwidth;
  bandwidth.set_rate(start, 1'000'000);
  Readers readers(bandwidth);
  for (unsigned i = 0; i < 4; ++i) readers.join(1, i);
  readers.run(seconds(10));
  auto const slow = readers.total_;
  expect_near(1e7, slow);
  bandwidth.set_rate(readers.now_, 20'000'000);
  readers.run(seconds(10));
  expect_near(2e8, readers.total_ - slow);
}

TEST(Bandwidth, APauseIsNoCreditForABurst) {
  Bandwidth bandwidth;
  bandwidth.set_rate(start, 10'000'000);
  Readers readers(bandwidth);
  readers.now_ += seconds(3600);
  readers.join(1, 1);
  readers.run(seconds(1));
  EXPECT_LE(readers.total_, 11'500'000U);
}

TEST(Bandwidth, PrincipalsShareEquallyHoweverManyTransfersTheyHave) {
  Bandwidth bandwidth;
  bandwidth.set_rate(start, 10'000'000);
  Readers readers(bandwidth);
  for (unsigned i = 0; i < 30; ++i) readers.join(1, i);
  readers.join(2, 100);
  readers.run(seconds(20));
  expect_near(1e8, readers.of(100));
  for (unsigned i = 0; i < 30; ++i) expect_near(1e8 / 30, readers.of(i), 0.2);
}

TEST(Bandwidth, PrioritiesAreSharesAndNobodyStarves) {
  Bandwidth bandwidth;
  bandwidth.set_rate(start, 21'000'000);
  Readers readers(bandwidth);
  readers.join(1, 1, Priority::interactive);
  readers.join(1, 2, Priority::normal);
  readers.join(1, 3, Priority::background);
  readers.run(seconds(30));
  expect_near(480e6, readers.of(1), 0.05);
  expect_near(120e6, readers.of(2), 0.05);
  expect_near(30e6, readers.of(3), 0.1);
}

TEST(Bandwidth, ANewcomerSharesFromNowOnAndOwesNothing) {
  Bandwidth bandwidth;
  bandwidth.set_rate(start, 10'000'000);
  Readers readers(bandwidth);
  readers.join(1, 1);
  readers.run(seconds(60));
  auto const before = readers.of(1);
  readers.join(2, 2);
  readers.run(seconds(10));
  expect_near(5e7, readers.of(2), 0.05);
  expect_near(5e7, readers.of(1) - before, 0.05);
}

TEST(Bandwidth, WhatNeverCameIsGivenBack) {
  Bandwidth bandwidth;
  bandwidth.set_rate(start, 1'000'000);
  Bandwidth::Who const who{Principal{1}, TransferKey{1}};
  Bytes used = 0;
  Time now = start;
  while (now < start + seconds(10)) {
    bandwidth.ask(who);
    now = *bandwidth.next(now);
    auto const grant = bandwidth.grant(now);
    ASSERT_TRUE(grant);
    bandwidth.give_back(who, grant->bytes / 2);
    used += grant->bytes - grant->bytes / 2;
  }
  expect_near(1e7, used);
}

TEST(Bandwidth, WhoLeavesIsNeverGranted) {
  Bandwidth bandwidth;
  bandwidth.set_rate(start, 1'000'000);
  auto const gone = bandwidth.ask({Principal{1}, TransferKey{1}});
  auto const stays = bandwidth.ask({Principal{1}, TransferKey{2}});
  bandwidth.leave(gone);
  auto const now = *bandwidth.next(start);
  EXPECT_EQ(stays, bandwidth.grant(now)->ticket);
  EXPECT_FALSE(bandwidth.next(now + seconds(9)));
  EXPECT_EQ(0U, bandwidth.waiting());
}

TEST(BandwidthPlan, TheFirstWindowThatHoldsTheMinuteDecides) {
  BandwidthPlan plan;
  EXPECT_TRUE(plan.open());
  EXPECT_FALSE(plan.at(0));
  plan.always = 100;
  plan.windows = {{8 * 60, 18 * 60, 20}, {22 * 60, 6 * 60, std::nullopt}, {0, 0, 7}};
  EXPECT_EQ(20U, plan.at(8 * 60));
  EXPECT_EQ(20U, plan.at(17 * 60 + 59));
  EXPECT_EQ(7U, plan.at(18 * 60));
  EXPECT_EQ(std::nullopt, plan.at(23 * 60));
  EXPECT_EQ(std::nullopt, plan.at(0));
  EXPECT_EQ(std::nullopt, plan.at(5 * 60 + 59));
  plan.windows.pop_back();
  EXPECT_EQ(100U, plan.at(6 * 60));
  EXPECT_FALSE(plan.open());
}

}  // namespace
}  // namespace hubd::sched
