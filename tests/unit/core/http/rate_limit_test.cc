// SPDX-License-Identifier: Apache-2.0
#include "core/http/rate_limit.h"

#include <gtest/gtest.h>

namespace hubd::http {
namespace {

using namespace std::chrono_literals;

Headers headers(std::initializer_list<std::pair<char const*, char const*>> fields) {
  Headers made;
  for (auto const& [name, value] : fields) made.add(name, value);
  return made;
}

TEST(Headers, NamesCompareWithoutCaseAndKeepTheirOrder) {
  auto fields = headers({{"Link", "one"}, {"link", "two"}, {"X", "y"}});
  EXPECT_EQ(fields.get("LINK"), "one");
  EXPECT_EQ(fields.get_all("lInK"), (std::vector<std::string_view>{"one", "two"}));
  EXPECT_EQ(fields.get("Lin"), std::nullopt);
  fields.set("LINK", "three");
  EXPECT_EQ(fields.get_all("link"), (std::vector<std::string_view>{"three"}));
}

TEST(RateLimit, IsReadAsTheHubWritesIt) {
  auto const limit = parse_rate_limit("\"api\";r=2;t=10");
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->name, "api");
  EXPECT_EQ(limit->remaining, 2);
  EXPECT_EQ(limit->reset, 10s);
  auto const spaced = parse_rate_limit(" \"resolvers\" ; t=300 ; w=9 ; r=0 ");
  ASSERT_TRUE(spaced);
  EXPECT_EQ(spaced->remaining, 0);
  EXPECT_EQ(spaced->reset, 300s);
}

TEST(RateLimit, WhatIsNotOneIsNothing) {
  for (char const* text : {"", "api;r=1;t=1", "\"api", "\"api\"", "\"api\";r=1", "\"api\";t=1", "\"api\";r=x;t=1", "\"api\";r=1;t=-1",
                           "\"api\";r=1;t=99999999999999999999", "\"api\";r=1;t=1h", "\"api\";;;"})
    EXPECT_FALSE(parse_rate_limit(text)) << text;
}

TEST(RateLimit, AWaitComesFromTheEmptyWindowElseFromRetryAfter) {
  EXPECT_EQ(requested_wait(429, headers({{"RateLimit", "\"api\";r=0;t=7"}, {"Retry-After", "99"}})), 8s);
  EXPECT_EQ(requested_wait(429, headers({{"RateLimit", "\"api\";r=3;t=7"}, {"Retry-After", "4"}})), 5s);
  EXPECT_EQ(requested_wait(503, headers({{"RateLimit", "\"api\";r=0;t=7"}, {"Retry-After", "0"}})), 1s);
  EXPECT_EQ(requested_wait(429, headers({{"Retry-After", "Tue, 24 Nov 2026 05:50:36 GMT"}})), std::nullopt);
  EXPECT_EQ(requested_wait(429, headers({{"Retry-After", "-3"}})), std::nullopt);
  EXPECT_EQ(requested_wait(429, headers({{"Retry-After", "9999999999999999999999"}})), std::nullopt);
  EXPECT_EQ(requested_wait(429, Headers()), std::nullopt);
}

TEST(Link, TheTargetOfARelationIsFound) {
  struct Row {
    char const* field;
    char const* target;  // null: none
  };
  for (Row const& row : {
           Row{"<https://h/p?cursor=a>; rel=\"next\"", "https://h/p?cursor=a"},
           Row{"<https://h/1>; rel=\"prev\", <https://h/2>; rel=\"next\"", "https://h/2"},
           Row{"<https://h/2>; title=\"a,b\"; rel=next", "https://h/2"},
           Row{"<https://h/2>;rel=next;x=1", "https://h/2"},
           Row{"<https://h/2>; rel=nextish", nullptr},
           Row{"<https://h/2>; rel=\"prev\"", nullptr},
           Row{"<https://h/2", nullptr},
           Row{"rel=next", nullptr},
           Row{"", nullptr},
       }) {
    auto const target = link_target(headers({{"Link", row.field}}), "next");
    EXPECT_EQ(target.value_or("none"), row.target == nullptr ? "none" : row.target) << row.field;
  }
  EXPECT_EQ(link_target(headers({{"Link", "<a>; rel=prev"}, {"link", "<b>; rel=next"}}), "next"), "b");
}

TEST(ContentRange, ExtentAndTotalAreRead) {
  auto const range = parse_content_range("bytes 5-9/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->extent, (Extent{5, 5}));
  EXPECT_EQ(range->total, 100U);
  auto const open = parse_content_range("bytes 0-0/*");
  ASSERT_TRUE(open);
  EXPECT_EQ(open->extent, (Extent{0, 1}));
  EXPECT_EQ(open->total, std::nullopt);
}

TEST(ContentRange, WhatCannotBeRightIsNothing) {
  for (char const* text : {"", "bytes", "bytes */100", "bytes 9-5/100", "bytes 0-100/100", "bytes 0-99", "bytes -5-9/100", "items 0-1/2",
                           "bytes 0-18446744073709551615/*", "bytes 0-99999999999999999999/*", "bytes 1-2/x", "bytes a-b/c"})
    EXPECT_FALSE(parse_content_range(text)) << text;
}

}  // namespace
}  // namespace hubd::http
