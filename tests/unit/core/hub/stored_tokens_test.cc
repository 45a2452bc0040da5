// SPDX-License-Identifier: Apache-2.0
#include "core/hub/stored_tokens.h"

#include <gtest/gtest.h>

namespace hubd::hub {
namespace {

TEST(StoredTokens, AreReadAsTheStockClientWritesThem) {
  auto const tokens = parse_stored_tokens(
      "[alpha]\nhf_token = hf_aaaaaaaaaaaa\n\n# note\n[work laptop]\nhf_token=hf_b=b\nrefresh_token : r\nexpires_at = 1790000000\nother = 1\n\n");
  ASSERT_TRUE(tokens);
  ASSERT_EQ(tokens->size(), 2U);
  EXPECT_EQ(tokens->at("alpha").token.reveal(), "hf_aaaaaaaaaaaa");
  EXPECT_EQ(tokens->at("alpha").expires_at, std::nullopt);
  EXPECT_EQ(tokens->at("work laptop").token.reveal(), "hf_b=b");
  EXPECT_EQ(tokens->at("work laptop").refresh_token.reveal(), "r");
  EXPECT_EQ(tokens->at("work laptop").expires_at, 1790000000);
}

TEST(StoredTokens, WhatIsWrittenIsTheStockText) {
  StoredTokens tokens;
  tokens["zeta"].token = Secret("hf_z");
  tokens["alpha"] = {Secret("hf_a"), Secret("r"), 5};
  EXPECT_EQ(format_stored_tokens(tokens),
            "[alpha]\nhf_token = hf_a\nrefresh_token = r\nexpires_at = 5\n\n[zeta]\nhf_token = hf_z\n\n");
  auto const again = parse_stored_tokens(format_stored_tokens(tokens));
  ASSERT_TRUE(again);
  EXPECT_EQ(format_stored_tokens(*again), format_stored_tokens(tokens));
}

TEST(StoredTokens, ANameCannotBeginAnotherSection) {
  StoredTokens tokens;
  tokens["evil]\n[admin"].token = Secret("hf_x\nhf_token = hf_y");
  auto const again = parse_stored_tokens(format_stored_tokens(tokens));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->size(), 1U);
  EXPECT_FALSE(again->contains("admin"));
  EXPECT_NE(again->begin()->second.token.reveal(), "hf_y");
}

TEST(StoredTokens, ABrokenFileNamesTheLineAndNeverItsContent) {
  for (char const* text : {"hf_token = hf_secret\n", "[a]\nhf_secret\n", "[a]\nhf_token = ok\nhf_secret"}) {
    auto const tokens = parse_stored_tokens(text);
    ASSERT_FALSE(tokens) << text;
    EXPECT_EQ(tokens.error().kind, ErrorKind::bad_request);
    EXPECT_NE(tokens.error().what.find("line "), std::string::npos);
    EXPECT_EQ(tokens.error().what.find("secret"), std::string::npos) << tokens.error().what;
  }
  ASSERT_TRUE(parse_stored_tokens(""));
  ASSERT_TRUE(parse_stored_tokens("\r\n[a]\r\nhf_token = x\r\n"));
}

TEST(StoredTokens, ATokenIsCleanedAndMasked) {
  EXPECT_EQ(clean_token(" \thf_abc\r\n ").reveal(), "hf_abc");
  EXPECT_EQ(clean_token("\n").reveal(), "");
  EXPECT_EQ(mask_token(Secret("hf_abcdefghijklm")), "hf_****jklm");
  EXPECT_EQ(mask_token(Secret("short")), "****");
  EXPECT_EQ(mask_token(Secret("")), "****");
}

}  // namespace
}  // namespace hubd::hub
