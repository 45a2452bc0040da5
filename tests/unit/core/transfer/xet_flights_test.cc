// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_flights.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

namespace hubd::transfer {
namespace {

xet::MerkleHash hash_of(char digit) { return *xet::MerkleHash::parse(std::string(64, digit)); }
store::RecipeChunk const chunk{hash_of('c'), 1000};

struct XetFlightsTest : testing::Test {
  boost::asio::io_context io;
  XetFlights flights{io.get_executor(), 10};
  int one = 0;
  int other = 0;
  xet::MerkleHash const xorb = hash_of('a');

  void bring(std::string const& etag, std::uint32_t first, std::uint32_t end) {
    for (auto i = first; i < end; ++i) flights.arrived(etag, xorb, i, chunk, i * Bytes{1000});
  }
};

TEST_F(XetFlightsTest, WhatIsUnderWayIsWaitedForAndWhatCameIsHeld) {
  flights.begin(&one, xorb, 4, 8);
  EXPECT_TRUE(flights.bring(xorb, 7, 9));
  EXPECT_FALSE(flights.bring(xorb, 8, 9));
  EXPECT_FALSE(flights.bring(hash_of('b'), 4, 8));
  bring("e1", 4, 6);
  bring("e2", 6, 8);
  flights.end(&one, xorb, 4, 8);
  EXPECT_FALSE(flights.bring(xorb, 4, 8));
  auto const held = flights.held(xorb, 5, 20);
  ASSERT_EQ(2U, held.size());
  EXPECT_EQ("e1", held[0].etag);
  EXPECT_EQ(5000U, held[0].offset);
  EXPECT_EQ(6U, held[1].first);
  EXPECT_EQ(8U, held[1].end);
}

TEST_F(XetFlightsTest, WhatLandedSinceALookIsNotOverlooked) {
  flights.begin(&one, xorb, 0, 4);
  auto const looked = flights.landings();
  EXPECT_FALSE(flights.brought(xorb, 0, 4, looked));
  flights.end(&one, xorb, 0, 4);
  EXPECT_TRUE(flights.brought(xorb, 3, 5, looked));
  EXPECT_FALSE(flights.brought(xorb, 4, 5, looked));
  EXPECT_FALSE(flights.brought(xorb, 0, 4, flights.landings()));
  for (int i = 0; i < 2000; ++i) {
    flights.begin(&one, hash_of('b'), 0, 1);
    flights.end(&one, hash_of('b'), 0, 1);
  }
  EXPECT_TRUE(flights.brought(xorb, 7, 8, looked)) << "too many landings to remember: look again";
}

TEST_F(XetFlightsTest, ATransferThatStopsLeavesItsChunksAndTakesItsFlightsAlong) {
  flights.begin(&one, xorb, 0, 8);
  bring("e1", 0, 3);
  auto const looked = flights.landings();
  flights.leave(&one, "e1");
  EXPECT_FALSE(flights.bring(xorb, 0, 8));
  EXPECT_TRUE(flights.brought(xorb, 0, 8, looked));
  EXPECT_EQ(1U, flights.held(xorb, 0, 8).size());
  flights.forget("e1");
  EXPECT_TRUE(flights.held(xorb, 0, 8).empty());
}

TEST_F(XetFlightsTest, BridgesCostASmallPartOfWhatWasFetched) {
  EXPECT_TRUE(flights.may_bridge(0));
  EXPECT_FALSE(flights.may_bridge(1));
  flights.note_fetched(64'000);
  EXPECT_TRUE(flights.may_bridge(600));
  EXPECT_FALSE(flights.may_bridge(500));
  EXPECT_TRUE(flights.may_bridge(400));
  EXPECT_FALSE(flights.may_bridge(1));
}

TEST_F(XetFlightsTest, FilesThatNobodyFillsAreForgottenTheOldestFirst) {
  bring("e1", 0, 6);
  flights.leave(&one, "e1");
  bring("e2", 10, 14);
  flights.leave(&other, "e2");
  EXPECT_EQ(1U, flights.held(xorb, 0, 6).size());
  bring("e1", 6, 7);  // somebody fills it again: it does not count
  bring("e3", 20, 26);
  flights.leave(&other, "e3");
  EXPECT_EQ(1U, flights.held(xorb, 0, 7).size());
  EXPECT_EQ(1U, flights.held(xorb, 10, 14).size());
  flights.leave(&one, "e1");
  EXPECT_TRUE(flights.held(xorb, 10, 14).empty());
  EXPECT_TRUE(flights.held(xorb, 20, 26).empty());
  EXPECT_EQ(1U, flights.held(xorb, 0, 7).size());
}

}  // namespace
}  // namespace hubd::transfer
