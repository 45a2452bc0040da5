// SPDX-License-Identifier: Apache-2.0
#include "core/engine/silence.h"

#include <gtest/gtest.h>

namespace hubd::engine {
namespace {

using namespace std::chrono_literals;

Time const start{1h};
std::string const way = "hub.sim plain";

TEST(Silence, AWaitForATurnIsNoneUntilOthersTryInVain) {
  Silence silence;
  EXPECT_EQ(30s, silence.served(way, start, start + 30s)) << "nobody says that the way is silent";
  silence.in_vain(way, start + 30s, 10s);
  EXPECT_EQ(20s, silence.served(way, start, start + 30s));
  EXPECT_EQ(0s, silence.served(way, start + 25s, start + 30s)) << "all of it was silent";
  EXPECT_EQ(25s, silence.served(way, start, start + 35s)) << "of what came since the last try nobody knows";
  EXPECT_EQ(30s, silence.served("hub.sim cas", start, start + 30s)) << "another way";
}

TEST(Silence, TriesThatFollowEachOtherAreOne) {
  Silence silence;
  silence.in_vain(way, start + 10s, 10s);
  silence.in_vain(way, start + 20s, 20s);
  silence.in_vain(way, start + 30s, 11s);
  EXPECT_EQ(0s, silence.served(way, start, start + 30s));
  silence.in_vain(way, start + 2h, 10s);
  EXPECT_EQ(2h - 10s, silence.served(way, start, start + 2h)) << "nobody tried for long";
}

TEST(Silence, EndsWithWhatComes) {
  Silence silence;
  silence.in_vain(way, start + 30s, 30s);
  silence.heard(way, start + 31s);
  EXPECT_EQ(31s, silence.served(way, start, start + 31s));
  silence.in_vain(way, start + 40s, 40s);
  EXPECT_EQ(31s, silence.served(way, start, start + 40s)) << "one got nothing, another did until then";
}

}  // namespace
}  // namespace hubd::engine
