// SPDX-License-Identifier: Apache-2.0
#include "core/net/backoff.h"

#include <gtest/gtest.h>

namespace hubd::net {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, WaitsDoubleUpToTheCeiling) {
  Backoff const backoff{1s, 8s};
  EXPECT_EQ(backoff.wait(0), 1s);
  EXPECT_EQ(backoff.wait(1), 2s);
  EXPECT_EQ(backoff.wait(3), 8s);
  EXPECT_EQ(backoff.wait(4), 8s);
  EXPECT_EQ(backoff.wait(4'000'000'000U), 8s) << "many attempts neither overflow nor take long";
  EXPECT_EQ((Backoff{3s, 10s}.wait(2)), 10s);
}

}  // namespace
}  // namespace hubd::net
