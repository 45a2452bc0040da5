// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"

#include <gtest/gtest.h>

#include "core/base/result.h"

namespace hubd {
namespace {

TEST(ErrorKind, NamesRoundTripForEveryNumber) {
  for (int number = 1; number <= 26; ++number) {
    auto const kind = static_cast<ErrorKind>(number);
    auto const name = name_of(kind);
    EXPECT_NE(name, "unknown") << number;
    EXPECT_EQ(error_kind_from(name), kind) << name;
  }
  EXPECT_FALSE(error_kind_from("no_such_kind"));
}

TEST(Error, DescribesItselfWithTheRequestId) {
  Error error = fail(ErrorKind::gated_repo, "model a/b is gated");
  EXPECT_EQ(describe(error), "model a/b is gated");
  error.request_id = "Root=1-2";
  EXPECT_EQ(describe(error), "model a/b is gated (request id Root=1-2)");
}

TEST(Result, HoldsAValueOrTheErrorThatPreventedIt) {
  Result<int> const good = 3;
  Result<int> const bad = fail(ErrorKind::io, "read x: gone");
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 3);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::io);
}

}  // namespace
}  // namespace hubd
