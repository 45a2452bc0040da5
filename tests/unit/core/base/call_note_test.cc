// SPDX-License-Identifier: Apache-2.0
#include "core/base/call_note.h"

#include <gtest/gtest.h>

namespace hubd {
namespace {

TEST(CallNote, ALineAndItsCallComeApartAgain) {
  auto const line = about_call("file x of model a/b is late", "c0ffee-12");
  EXPECT_EQ(line, "file x of model a/b is late [call c0ffee-12]");
  auto const [text, call] = split_call(line);
  EXPECT_EQ(text, "file x of model a/b is late");
  EXPECT_EQ(call, "c0ffee-12");
  EXPECT_EQ(about_call("plain", ""), "plain");
}

TEST(CallNote, WhatOnlyLooksLikeANoteStays) {
  for (auto const* const line : {"plain", "", "an end [call ]", "an end [call a b]", "[call x] in front", "an end [call x] more", "an end [call a\"b]"}) {
    EXPECT_EQ(split_call(line).line, line);
    EXPECT_EQ(split_call(line).call, "");
  }
}

TEST(CallNote, AnIdIsShortAndPlain) {
  EXPECT_TRUE(is_call_id("train-7.rank_3"));
  EXPECT_TRUE(is_call_id(std::string(64, 'a')));
  for (auto const* const text : {"", "a b", "a\n", "a]", "\xc3\xa4"}) EXPECT_FALSE(is_call_id(text)) << text;
  EXPECT_FALSE(is_call_id(std::string(65, 'a')));
}

}  // namespace
}  // namespace hubd
