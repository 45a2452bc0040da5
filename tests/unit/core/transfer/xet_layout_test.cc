// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_layout.h"

#include <gtest/gtest.h>

namespace hubd::transfer {
namespace {

xet::MerkleHash xorb(char digit) { return *xet::MerkleHash::parse(std::string(64, digit)); }

/// Two xorbs; the second term uses the middle of the first's range again.
xet::Reconstruction answer() {
  xet::Reconstruction made;
  made.offset_into_first_range = 10;
  made.terms = {{xorb('a'), 0, 4, 40'000}, {xorb('b'), 7, 8, 9'000}, {xorb('a'), 1, 2, 10'000}};
  made.ranges[xorb('a')] = {{0, 4, {0, 4 * 9000}, "https://a"}};
  made.ranges[xorb('b')] = {{7, 8, {500, 4000}, "https://b"}};
  return made;
}

TEST(XetLayout, TermsStandWhereTheFileHasThem) {
  auto const layout = lay_out(answer(), {1010, 58'990}, 60'000);
  ASSERT_TRUE(layout) << layout.error().what;
  ASSERT_EQ(layout->terms.size(), 3U);
  EXPECT_EQ(layout->terms[0].extent, (Extent{1000, 40'000}));
  EXPECT_EQ(layout->terms[1].extent, (Extent{41'000, 9'000}));
  EXPECT_EQ(layout->terms[2].extent, (Extent{50'000, 10'000}));
  ASSERT_EQ(layout->fetches.size(), 2U) << "each range once, however many terms use it";
  EXPECT_EQ(layout->fetches[0].url, "https://a");
  ASSERT_EQ(layout->fetches[0].terms.size(), 2U);
  EXPECT_EQ(layout->fetches[0].terms[1].first, 1U);
  EXPECT_EQ(layout->fetches[1].bytes, (Extent{500, 4000}));
}

TEST(XetLayout, AnswersThatCannotBeRightAreRefused) {
  auto const refused = [](auto&& change, Extent asked = {1010, 58'990}) {
    auto made = answer();
    change(made);
    auto const layout = lay_out(made, asked, 60'000);
    if (layout) return false;
    EXPECT_EQ(layout.error().kind, ErrorKind::bad_upstream);
    return true;
  };
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& a) { a.offset_into_first_range = 1011; })) << "begins before the file";
  EXPECT_TRUE(refused([](auto& a) { a.terms[2].length = 10'001; })) << "ends behind the file";
  EXPECT_TRUE(refused([](auto& a) { a.terms.pop_back(); })) << "ends before what was asked";
  EXPECT_TRUE(refused([](auto& a) { a.terms[0].end = 0; })) << "no chunk";
  EXPECT_TRUE(refused([](auto& a) { a.terms[1].length = 0; })) << "no byte";
  EXPECT_TRUE(refused([](auto& a) { a.terms[1].length = 131'073; })) << "more than a chunk can have";
  EXPECT_TRUE(refused([](auto& a) { a.terms[0].length = ~Bytes{0}; })) << "overflow";
  EXPECT_TRUE(refused([](auto& a) { a.terms[2].end = 5; })) << "past the listed range";
  EXPECT_TRUE(refused([](auto& a) { a.terms[1].first = 6; })) << "before the listed range";
  EXPECT_TRUE(refused([](auto& a) { a.ranges.erase(xorb('b')); })) << "no URL";
  EXPECT_TRUE(refused([](auto& a) { a.ranges[xorb('b')][0].bytes.length = 8; })) << "a head and no chunk";
  EXPECT_TRUE(refused([](auto& a) { a.ranges[xorb('b')][0].bytes.length = 1'000'000; })) << "too many bytes for one chunk";
  EXPECT_TRUE(refused([](auto& a) { a.terms.clear(); }));
}

}  // namespace
}  // namespace hubd::transfer
