// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core/http/http_fixture.h"

namespace hubd::http {
namespace {

class BrokenAnswers : public HttpTest {
 protected:
  /// What comes of a server that answers every request with `text` and then ends.
  Result<Answer> answered(std::string text, std::string method = "GET") {
    RawServer server([text = std::move(text)](Peer& peer) {
      if (!peer.head().empty()) peer.send(text);
    });
    return ask(request(server.url("/x"), std::move(method)));
  }
};

TEST_F(BrokenAnswers, EndInATypedErrorThatNamesTheHost) {
  struct Row {
    char const* name;
    std::string text;
    ErrorKind kind;
  };
  auto const head = std::string("HTTP/1.1 200 OK\r\n");
  for (Row const& row : {
           Row{"garbage", "\x16\x03\x01 not http\r\n\r\n", ErrorKind::bad_upstream},
           Row{"http/0.9", "<html>hello</html>\r\n\r\n", ErrorKind::bad_upstream},
           Row{"two lengths", head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", ErrorKind::bad_upstream},
           Row{"negative length", head + "Content-Length: -1\r\n\r\nabc", ErrorKind::bad_upstream},
           Row{"length with plus", head + "Content-Length: +3\r\n\r\nabc", ErrorKind::bad_upstream},
           Row{"overflowing length", head + "Content-Length: 99999999999999999999999\r\n\r\nabc", ErrorKind::bad_upstream},
           Row{"length and chunked", head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
               ErrorKind::bad_upstream},
           Row{"huge chunk", head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc", ErrorKind::bad_upstream},
           Row{"negative chunk", head + "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc", ErrorKind::bad_upstream},
           Row{"chunk without an end", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcX", ErrorKind::bad_upstream},
           Row{"chunked and cut", head + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", ErrorKind::bad_upstream},
           Row{"no last chunk", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ErrorKind::bad_upstream},
           Row{"cut body", head + "Content-Length: 10\r\n\r\nabc", ErrorKind::bad_upstream},
           Row{"cut head", head + "Content-Le", ErrorKind::unreachable},
           Row{"status 000", "HTTP/1.1 000 Zero\r\n\r\n", ErrorKind::bad_upstream},
           Row{"status 999", "HTTP/1.1 999 Much\r\n\r\n", ErrorKind::bad_upstream},
           Row{"switching protocols", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", ErrorKind::bad_upstream},
           Row{"field without a colon", head + "Content-Length\r\n\r\n", ErrorKind::bad_upstream},
       }) {
    auto const answer = answered(row.text);
    ASSERT_FALSE(answer) << row.name << " gave " << answer->status << " " << answer->body;
    EXPECT_EQ(answer.error().kind, row.kind) << row.name << ": " << answer.error().what;
    EXPECT_NE(answer.error().what.find("127.0.0.1:"), std::string::npos) << row.name << ": " << answer.error().what;
    EXPECT_EQ(client().connections(), 0U) << row.name;
  }
}

TEST_F(BrokenAnswers, ACutBodySaysHowMuchIsMissing) {
  auto const answer = answered("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Request-Id: req-1\r\n\r\nabc");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().what.find("after 3 bytes, 7 are missing"), std::string::npos) << answer.error().what;
  EXPECT_EQ(answer.error().request_id, "req-1");
  EXPECT_EQ(answer.error().http_status, 200);
}

TEST_F(BrokenAnswers, AnEndlessHeadIsGivenUp) {
  RawServer server([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\n");
    std::string const line = "X-Filler: " + std::string(1000, 'f') + "\r\n";
    while (peer.send(line)) continue;
  });
  auto const answer = get(server.url("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::bad_upstream) << answer.error().what;
}

TEST_F(BrokenAnswers, AnEndlessLineIsGivenUp) {
  RawServer server([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 ");
    std::string const more(1000, 'O');
    while (peer.send(more)) continue;
  });
  auto const answer = get(server.url("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::bad_upstream) << answer.error().what;
}

TEST_F(BrokenAnswers, AnEndlessChunkExtensionIsGivenUp) {
  RawServer server([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;");
    std::string const more(1000, 'e');
    while (peer.send(more)) continue;
  });
  auto const answer = get(server.url("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::bad_upstream) << answer.error().what;
}

TEST_F(BrokenAnswers, AFloodOfInterimAnswersIsGivenUp) {
  RawServer server([](Peer& peer) {
    peer.head();
    while (peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")) continue;
  });
  auto const answer = get(server.url("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::bad_upstream) << answer.error().what;
}

TEST_F(BrokenAnswers, SomeInterimAnswersAreSkipped) {
  auto const answer = answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" + ok("body"));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->body, "body");
  EXPECT_EQ(answer->headers.get("X"), std::nullopt);
}

TEST_F(BrokenAnswers, ABodyAfterHeadIsNeitherReadNorTakenForTheNextAnswer) {
  RawServer server([](Peer& peer) {
    while (true) {
      auto const head = peer.head();
      if (head.empty()) return;
      peer.send(ok(head.starts_with("HEAD") ? "HTTP/1.1 666 Smuggled\r\n\r\n" : "right"));
    }
  });
  auto const first = ask(request(server.url("/"), "HEAD"));
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ(first->body, "");
  auto const second = get(server.url("/"));
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(second->body, "right");
}

TEST_F(BrokenAnswers, BytesBehindTheBodyEndTheConnectionNotTheAnswer) {
  RawServer server([](Peer& peer) {
    while (!peer.head().empty()) peer.send(ok("right") + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
  });
  for (int i = 0; i < 3; ++i) {
    auto const answer = get(server.url("/"));
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(answer->body, "right");
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(BrokenAnswers, RequestIdsAreMadePrintable) {
  auto const answer = answered("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX-Request-Id: a\xff\xfe" + std::string(500, 'b') + "\r\n\r\nshort");
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().request_id.starts_with("a??bbb")) << answer.error().request_id;
  EXPECT_LE(answer.error().request_id.size(), 200U);
}

}  // namespace
}  // namespace hubd::http
