// SPDX-License-Identifier: Apache-2.0
#include "core/net/signal.h"
#include "tests/unit/core/http/http_fixture.h"

namespace hubd::http {
namespace {

std::string moved(int status, std::string const& location, std::string const& body = "") {
  return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + location + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nX-Hop: yes\r\n\r\n" + body;
}

/// The whole request as text: head and body.
std::string whole(Peer& peer) {
  auto head = peer.head();
  auto const at = head.find("Content-Length: ");
  if (at == std::string::npos) return head;
  return head + peer.bytes(std::stoul(head.substr(at + 16)));
}

class Redirect : public HttpTest {
 protected:
  Request with_token(std::string url, std::string method = "GET") {
    auto made = request(std::move(url), std::move(method));
    made.token = Secret("hf_secret");
    return made;
  }
};

TEST_F(Redirect, TheTokenStaysAtHomeAndDoesNotComeBack) {
  std::string home_url;
  std::string cdn_url;
  RawServer cdn([&home_url](Peer& peer) {
    while (true) {
      auto const text = whole(peer);
      if (text.empty()) return;
      if (text.starts_with("GET /back")) peer.send(moved(302, home_url + "/end"));
      else peer.send(ok(text));
    }
  });
  RawServer home([&cdn_url](Peer& peer) {
    while (true) {
      auto const text = whole(peer);
      if (text.empty()) return;
      if (text.starts_with("GET /away")) peer.send(moved(302, cdn_url + "/file?Signature=s"));
      else if (text.starts_with("GET /there-and-back")) peer.send(moved(302, cdn_url + "/back"));
      else if (text.starts_with("GET /renamed")) peer.send(moved(307, "/end", "moved"));
      else peer.send(ok(text));
    }
  });
  home_url = home.url("");
  cdn_url = cdn.url("");

  auto const renamed = ask(with_token(home.url("/renamed")));
  ASSERT_TRUE(renamed) << renamed.error().what;
  EXPECT_NE(renamed->body.find("Bearer hf_secret"), std::string::npos) << "within the origin the token goes along";
  EXPECT_EQ(renamed->url, home.url("/end"));
  EXPECT_EQ(home.connections(), 1) << "a short redirect body does not cost the connection";

  auto const away = ask(with_token(home.url("/away")));
  ASSERT_TRUE(away) << away.error().what;
  EXPECT_TRUE(away->body.starts_with("GET /file?Signature=s "));
  EXPECT_EQ(away->body.find("hf_secret"), std::string::npos);
  EXPECT_EQ(away->body.find("Authorization"), std::string::npos);

  auto const back = ask(with_token(home.url("/there-and-back")));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_TRUE(back->body.starts_with("GET /end "));
  EXPECT_EQ(back->body.find("hf_secret"), std::string::npos);
  EXPECT_EQ(back->hops, 2U);
}

TEST_F(Redirect, WhatStaysAtHomeIsAskedForBeforeItIsFollowed) {
  struct Gate final : Crossing {
    Async<void> cross(std::string const& url, int status, Headers const& answered) override {
      crossed.push_back(url + " " + std::to_string(status) + " " + std::string(answered.get("X-Hop").value_or("")));
      if (closed) co_return fail(ErrorKind::rate_limited, "not now");
      co_return Result<void>();
    }
    std::vector<std::string> crossed;
    bool closed = false;
  };
  RawServer cdn([](Peer& peer) {
    while (!whole(peer).empty()) peer.send(ok("file"));
  });
  int asked = 0;
  RawServer home([&](Peer& peer) {
    while (true) {
      auto const text = whole(peer);
      if (text.empty()) return;
      ++asked;
      peer.send(text.starts_with("GET /one") ? moved(307, "/two") : moved(302, cdn.url("/signed")));
    }
  });
  Gate gate;
  auto wanted = request(home.url("/one"));
  wanted.crossing = &gate;
  auto const answer = ask(wanted);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->body, "file");
  EXPECT_EQ(gate.crossed, std::vector<std::string>{home.url("/one") + " 307 yes"});

  gate.closed = true;
  auto const refused = ask(wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::rate_limited);
  EXPECT_EQ(asked, 3);
}

TEST_F(Redirect, MethodAndBodyFollowTheStatus) {
  RawServer server([](Peer& peer) {
    while (true) {
      auto const text = whole(peer);
      if (text.empty()) return;
      auto const at = text.find(" /r");
      if (at == std::string::npos) peer.send(text.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nX-Method: HEAD\r\n\r\n" : ok(text));
      else peer.send(moved(std::stoi(text.substr(at + 3, 3)), "/end"));
    }
  });
  struct Row {
    char const* method;
    int status;
    char const* then;
    bool body;
  };
  for (Row const& row : {Row{"POST", 301, "GET", false}, Row{"POST", 302, "GET", false}, Row{"POST", 303, "GET", false},
                         Row{"POST", 307, "POST", true}, Row{"POST", 308, "POST", true}, Row{"PUT", 302, "PUT", true},
                         Row{"PUT", 303, "GET", false}, Row{"GET", 307, "GET", false}}) {
    auto wanted = request(server.url("/r" + std::to_string(row.status)), row.method);
    if (wanted.method != "GET") wanted.body = "payload";
    auto const answer = ask(std::move(wanted));
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_TRUE(answer->body.starts_with(std::string(row.then) + " /end ")) << row.method << " " << row.status << ": " << answer->body;
    EXPECT_EQ(answer->body.ends_with("payload"), row.body) << row.method << " " << row.status;
  }
  auto const head = ask(request(server.url("/r303"), "HEAD"));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->headers.get("X-Method"), "HEAD");
}

TEST_F(Redirect, WithinOriginTheFirstAnswerThatLeavesIsTheAnswer) {
  RawServer server([](Peer& peer) {
    while (true) {
      auto const text = whole(peer);
      if (text.empty()) return;
      peer.send(text.starts_with("GET /one") ? moved(302, "/two") : moved(302, "http://cdn.example/signed"));
    }
  });
  auto wanted = request(server.url("/one"));
  wanted.redirects = Redirects::within_origin;
  auto const answer = ask(std::move(wanted));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->url, server.url("/two"));
  EXPECT_EQ(answer->headers.get("Location"), "http://cdn.example/signed");
  EXPECT_EQ(answer->hops, 1U);

  auto none = request(server.url("/one"));
  none.redirects = Redirects::none;
  auto const first = ask(std::move(none));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->headers.get("Location"), "/two");
}

TEST_F(Redirect, ACircleEndsAfterTheLimit) {
  options_.redirects_max = 5;
  RawServer server([](Peer& peer) {
    while (!peer.head().empty()) peer.send(moved(302, "/again"));
  });
  auto const answer = get(server.url("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::bad_upstream);
  EXPECT_EQ(counts_.requests, 6);
  EXPECT_EQ(client().connections(), 1U) << "the last answer was read, so its connection is kept";
}

TEST_F(Redirect, LocationsThatLeadNowhereAreTheServersFault) {
  for (char const* location : {"ftp://h/x", "javascript:alert(1)", "http://", "http://[::", "file:///etc/passwd"}) {
    RawServer server([location](Peer& peer) {
      while (!peer.head().empty()) peer.send(moved(302, location));
    });
    auto const answer = get(server.url("/"));
    ASSERT_FALSE(answer) << location;
    EXPECT_EQ(answer.error().kind, ErrorKind::bad_upstream) << location << ": " << answer.error().what;
  }
}

TEST_F(Redirect, WithoutALocationTheRedirectIsTheAnswer) {
  RawServer server([](Peer& peer) {
    while (!peer.head().empty()) peer.send("HTTP/1.1 304 Not Modified\r\n\r\n");
  });
  auto const answer = get(server.url("/"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 304);
}

TEST_F(Redirect, ARedirectWithAnEndlessBodyIsFollowedAllTheSame) {
  RawServer server([](Peer& peer) {
    while (true) {
      auto const text = whole(peer);
      if (text.empty()) return;
      if (!text.starts_with("GET /start")) {
        peer.send(ok("end"));
        continue;
      }
      peer.send("HTTP/1.1 302 Found\r\nLocation: /end\r\nTransfer-Encoding: chunked\r\n\r\n");
      while (peer.send("4\r\nmore\r\n")) continue;
    }
  });
  auto const answer = get(server.url("/start"));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->body, "end");
}

TEST_F(Redirect, ACancellationDuringARedirectIsNotFollowedByAnotherRequest) {
  RawServer server([](Peer& peer) {
    auto const text = whole(peer);
    if (text.starts_with("GET /start")) peer.send("HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 10\r\n\r\nhalf");
    peer.head();
  });
  auto const quiet_exchange = [this](std::string url) -> Async<Answer> {
    auto quiet = net::no_unwinding();
    co_await std::move(quiet);
    auto wanted = request(std::move(url));
    auto answer = co_await exchange(std::move(wanted));
    co_return answer;
  };
  auto const answer = loop_.start(quiet_exchange(server.url("/start")));
  loop_.until([&] { return counts_.bytes == 4; });
  loop_.tasks.cancel();
  loop_.until([&] { return answer->has_value(); });
  ASSERT_FALSE(**answer);
  EXPECT_EQ((**answer).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(counts_.requests, 1);
  EXPECT_EQ(client().connections(), 0U);
}

}  // namespace
}  // namespace hubd::http
