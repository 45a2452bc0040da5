// SPDX-License-Identifier: Apache-2.0
#include "daemon/content_route.h"

#include <gtest/gtest.h>

namespace hubd::daemon {
namespace {

std::string parsed(std::string_view header, Bytes size = 100) {
  auto const range = parse_range(header, size);
  if (!range) return "outside";
  if (!*range) return "ignored";
  return std::to_string((*range)->offset) + "+" + std::to_string((*range)->length);
}

TEST(Range, OneRangeIsTakenAndCutAtTheEnd) {
  EXPECT_EQ(parsed("bytes=0-0"), "0+1");
  EXPECT_EQ(parsed("bytes=10-19"), "10+10");
  EXPECT_EQ(parsed("bytes=90-"), "90+10");
  EXPECT_EQ(parsed("bytes=90-1000"), "90+10");
  EXPECT_EQ(parsed("bytes=-7"), "93+7");
  EXPECT_EQ(parsed("bytes=-1000"), "0+100");
}

TEST(Range, WhatLiesOutsideIsAnError) {
  EXPECT_EQ(parsed("bytes=100-"), "outside");
  EXPECT_EQ(parsed("bytes=100-200"), "outside");
  EXPECT_EQ(parsed("bytes=-0"), "outside");
  EXPECT_EQ(parsed("bytes=0-", 0), "outside");
  EXPECT_EQ(parsed("bytes=-5", 0), "outside");
}

TEST(Range, AnythingElseIsIgnored) {
  for (char const* header : {"", "bytes", "bytes=", "bytes=-", "bytes=5-3", "bytes=a-b", "bytes=1-2,3-4", "lines=1-2", "bytes=1-x",
                             "bytes=+1-2", "bytes=1 -2", "bytes=99999999999999999999-"})
    EXPECT_EQ(parsed(header), "ignored") << header;
}

}  // namespace
}  // namespace hubd::daemon
