// SPDX-License-Identifier: Apache-2.0
#include "core/base/random.h"

#include <gtest/gtest.h>

namespace hubd {
namespace {

TEST(Random, TheSameSeedReplays) {
  auto const a = seeded_random(7);
  auto const b = seeded_random(7);
  auto const c = seeded_random(8);
  EXPECT_EQ(a->next(), b->next());
  EXPECT_NE(a->next(), c->next());
}

TEST(Random, HexHasTheAskedLength) {
  auto const random = system_random();
  for (std::size_t count : {0U, 1U, 8U, 33U}) {
    auto const text = random->hex(count);
    EXPECT_EQ(text.size(), count);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
}

}  // namespace
}  // namespace hubd
