// SPDX-License-Identifier: Apache-2.0
#include "daemon/rate_text.h"

#include <gtest/gtest.h>

namespace hubd::daemon {
namespace {

TEST(RateText, SaysBytesPerSecond) {
  struct Case {
    char const* text;
    Bytes rate;
  };
  for (auto const& [text, rate] : {Case{"50 MB/s", 50'000'000}, Case{"50MB", 50'000'000}, Case{"1 GiB/s", 1_GiB},
                                   Case{"400 Mbit/s", 50'000'000}, Case{"10 Gbit/s", 1'250'000'000}, Case{"65536", 65536}}) {
    auto const parsed = parse_rate(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(rate, *parsed) << text;
  }
  auto const off = parse_rate("off");
  ASSERT_TRUE(off);
  EXPECT_FALSE(off->has_value());
}

TEST(RateText, RefusesWhatItDoesNotUnderstand) {
  for (auto const* text : {"", "fast", "0", "10 KB/s", "50 MB/h", "-5 MB/s", "1.5 GB/s", "50 bit/s"})
    EXPECT_FALSE(parse_rate(text)) << text;
  for (auto const* text : {"", "08:00-18:00", "08:00-18:00 fast", "8:00-18:00 5 MB/s", "25:00-18:00 5 MB/s", "08:60-18:00 5 MB/s",
                           "08:00 18:00 5 MB/s", "24:01-18:00 5 MB/s"})
    EXPECT_FALSE(parse_rate_window(text)) << text;
}

TEST(RateText, AWindowMayReachOverMidnight) {
  auto const night = parse_rate_window("22:30-06:00 off");
  ASSERT_TRUE(night);
  EXPECT_EQ((sched::BandwidthPlan::Window{22 * 60 + 30, 6 * 60, std::nullopt}), *night);
  auto const day = parse_rate_window("00:00-24:00 20 MB/s");
  ASSERT_TRUE(day);
  EXPECT_TRUE(day->holds(0) && day->holds(1439));
}

}  // namespace
}  // namespace hubd::daemon
