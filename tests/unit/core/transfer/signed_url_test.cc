// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/signed_url.h"

#include <gtest/gtest.h>

namespace hubd::transfer {
namespace {

using namespace std::chrono_literals;

WallTime const now{std::chrono::seconds(1'767'225'600)};  // 2026-01-01T00:00:00Z

TEST(SignedUrl, EachVendorsEndIsRead) {
  EXPECT_EQ(1h, life_of("https://cdn/x?Policy=a&Expires=1767229200&Signature=b", now));
  EXPECT_EQ(1h, life_of("https://cdn/x?X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-Signature=b", now));
  EXPECT_EQ(50min, life_of("https://cdn/x?x-amz-expires=3000&x-amz-date=20260101T000000Z", now));
  EXPECT_EQ(1min, life_of("https://cdn/x?X-Goog-Expires=60&X-Goog-Date=20260101T000000Z", now));
}

TEST(SignedUrl, WhatSaysNothingOrNonsenseHasNoEnd) {
  for (char const* url : {"https://cdn/x", "https://cdn/x?", "https://cdn/x?Expires", "https://cdn/x?Expires=", "https://cdn/x?Expires=-5",
                          "https://cdn/x?Expires=99999999999999999999", "https://cdn/x?Expires=12x", "https://cdn/x?MyExpires=1767229200",
                          "https://cdn/x?X-Amz-Expires=60", "https://cdn/x?X-Amz-Expires=60&X-Amz-Date=20261301T000000Z",
                          "https://cdn/x?X-Amz-Expires=60&X-Amz-Date=2026-01-01T0000Z", "https://cdn/x?Expires=1767225600"})
    EXPECT_FALSE(life_of(url, now)) << url;
}

TEST(SignedUrl, RenewalComesAheadOfTheEnd) {
  Time const start{1h};
  EXPECT_EQ(start + 59min, renewal(start, 1h));
  EXPECT_EQ(start + 45s, renewal(start, 60s));
}

}  // namespace
}  // namespace hubd::transfer
