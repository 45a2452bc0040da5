// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/head.h"

#include <gtest/gtest.h>

namespace hubd::httpd {
namespace {

using Kind = HeadParser::Outcome::Kind;

TEST(Head, IsParsedWhateverThePiecesAre) {
  std::string const text = "PUT /a/b?c=d HTTP/1.1\r\nHost: h\r\nX-One:  1 \r\nContent-Length: 12\r\n\r\nbody";
  for (std::size_t const piece : {1U, 5U, 1000U}) {
    HeadParser parser(64_KiB);
    std::string ahead;
    std::size_t at = 0;
    HeadParser::Outcome outcome;
    while (outcome.kind == Kind::more && at < text.size()) {
      ahead += text.substr(at, piece);
      at += piece;
      std::size_t consumed = 0;
      outcome = parser.feed(ahead, consumed);
      ahead.erase(0, consumed);
    }
    ASSERT_EQ(outcome.kind, Kind::ready);
    auto const head = parser.take();
    EXPECT_EQ(head.method, "PUT");
    EXPECT_EQ(head.target, "/a/b?c=d");
    EXPECT_EQ(head.field("x-ONE"), "1");
    EXPECT_EQ(head.field("absent"), "");
    EXPECT_EQ(head.content_length, Bytes{12});
    EXPECT_TRUE(head.keep_alive);
    EXPECT_TRUE(head.has_body());
  }
}

struct Refusal {
  std::string_view text;
  int status;
};

TEST(Head, WhatCannotBeServedIsRefusedWithItsStatus) {
  Refusal const cases[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},  // no Host
      {"GET / HTTP/1.1\r\nHost: h\r\nBad Header: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: magic\r\n\r\n", 417},
  };
  for (auto const& [text, status] : cases) {
    HeadParser parser(64_KiB);
    std::size_t consumed = 0;
    auto const outcome = parser.feed(text, consumed);
    EXPECT_EQ(outcome.kind, Kind::refused) << text;
    EXPECT_EQ(outcome.status, status) << text;
  }
}

TEST(Head, BothLengthAndChunkedIsRefused) {
  HeadParser parser(64_KiB);
  std::size_t consumed = 0;
  auto const outcome = parser.feed(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", consumed);
  EXPECT_EQ(outcome.kind, Kind::refused);
}

TEST(Head, AnAnswerCannotBeGivenAFieldThroughAValue) {
  auto const text = format_head(200, {{"X-Name", "a\r\nSet-Cookie: b"}});
  EXPECT_EQ(text, "HTTP/1.1 200 OK\r\nX-Name: aSet-Cookie: b\r\n\r\n");
}

TEST(Head, DatesAreWrittenAsHttpWantsThem) { EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT"); }

}  // namespace
}  // namespace hubd::httpd
