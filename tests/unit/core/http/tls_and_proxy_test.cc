// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/core/http/http_fixture.h"

namespace hubd::http {
namespace {

using support::Certificate;

/// A certificate as a CA file of its own.
class CaFile {
 public:
  explicit CaFile(std::string const& pem) {
    char name[] = "/tmp/hubd-ca-XXXXXX";
    path_ = mkdtemp(name);
    std::ofstream(path()) << pem;
  }
  CaFile(CaFile const&) = delete;
  CaFile& operator=(CaFile const&) = delete;
  ~CaFile() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string path() const { return path_ + "/ca.pem"; }

 private:
  std::string path_;
};

class Tls : public HttpTest {
 protected:
  void SetUp() override { options_.ca_file = ca_.path(); }
  Certificate certificate_ = Certificate::make();
  CaFile ca_{certificate_.certificate};
};

void echo(Peer& peer) {
  while (true) {
    auto const head = peer.head();
    if (head.empty()) return;
    peer.send(ok(head));
  }
}

TEST_F(Tls, ATrustedServerIsHeardByNameAndByAddress) {
  RawServer server(echo, &certificate_);
  auto const by_name = get(server.url("/name"));
  ASSERT_TRUE(by_name) << by_name.error().what;
  EXPECT_TRUE(by_name->body.starts_with("GET /name HTTP/1.1\r\nHost: localhost:"));
  auto const by_address = get("https://127.0.0.1:" + std::to_string(server.port()) + "/address");
  ASSERT_TRUE(by_address) << by_address.error().what;
}

TEST_F(Tls, ALargeBodyComesWhole) {
  std::string big(5'000'003, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 31 + i / 255);
  RawServer server(
      [&big](Peer& peer) {
        while (!peer.head().empty()) peer.send(ok(big));
      },
      &certificate_);
  auto const answer = get(server.url("/"));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_TRUE(answer->body == big);
}

TEST_F(Tls, ALargeRequestGoesOutWhole) {
  std::string const big(3'000'000, 'u');
  RawServer server(
      [](Peer& peer) {
        peer.head();
        auto const body = peer.bytes(3'000'000);
        peer.send(ok(std::to_string(body.size()) + (body == std::string(3'000'000, 'u') ? " right" : " wrong")));
      },
      &certificate_);
  auto wanted = request(server.url("/"), "PUT");
  wanted.body = big;
  auto const answer = ask(std::move(wanted));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->body, "3000000 right");
}

TEST_F(Tls, SessionTicketsDoNotCostTheConnection) {
  std::atomic<int> answered = 0;
  std::atomic<int> tickets = 0;
  RawServer server(
      [&](Peer& peer) {
        for (int i = 0; !peer.head().empty(); ++i) {
          peer.send(ok("small"));
          answered.wait(i);  // the answer was read, and the ticket is not read along with it
          peer.send_ticket();
          ++tickets;
        }
      },
      &certificate_);
  for (int i = 1; i <= 20; ++i) {
    auto const answer = get(server.url("/"));
    EXPECT_TRUE(answer) << answer.error().what;
    answered = i;
    answered.notify_all();
    loop_.until([&] { return tickets >= i; });  // now it lies on the idle connection
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Tls, DataThatNobodyAskedForEndsAKeptConnection) {
  RawServer server(
      [](Peer& peer) {
        while (!peer.head().empty()) peer.send(ok("right") + ok("wrong"));
      },
      &certificate_);
  for (int i = 0; i < 3; ++i) {
    auto const answer = get(server.url("/"));
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(answer->body, "right");
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(Tls, ACertificateThatNobodySignedIsRefusedInWords) {
  auto const other = Certificate::make();
  RawServer server(echo, &other);
  auto const answer = get(server.url("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_NE(answer.error().what.find("certificate"), std::string::npos) << answer.error().what;
  EXPECT_NE(answer.error().what.find("localhost:" + std::to_string(server.port())), std::string::npos) << answer.error().what;
  EXPECT_EQ(counts_.requests, 0) << "nothing was said to it";
}

TEST_F(Tls, ACertificateOfAnotherNameIsRefused) {
  auto const other = Certificate::make("elsewhere.example");
  CaFile const ca(other.certificate);
  options_.ca_file = ca.path();
  RawServer server(echo, &other);
  auto const answer = get(server.url("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_NE(answer.error().what.find("ostname mismatch"), std::string::npos) << answer.error().what;
  auto const by_address = get("https://127.0.0.1:" + std::to_string(server.port()) + "/");
  ASSERT_FALSE(by_address);
  EXPECT_EQ(counts_.requests, 0);
}

TEST_F(Tls, APlainServerBehindAnHttpsUrlIsUnreachable) {
  RawServer server([](Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.head();
  });
  auto const answer = get("https://localhost:" + std::to_string(server.port()) + "/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable) << answer.error().what;
}

TEST_F(Tls, AHandshakeThatStandsStillEndsAsStalled) {
  RawServer server([](Peer& peer) { peer.bytes(1'000'000); });
  auto wanted = request("https://localhost:" + std::to_string(server.port()) + "/");
  wanted.progress_deadline = 40ms;
  auto const answer = ask(std::move(wanted));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::stalled) << answer.error().what;
  EXPECT_EQ(client().connections(), 0U);
}

TEST_F(Tls, ABodyThatStandsStillOrIsCutEndsInItsError) {
  RawServer server(
      [](Peer& peer) {
        auto const head = peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        if (head.starts_with("GET /cut")) peer.close();
        peer.head();
      },
      &certificate_);
  auto wanted = request(server.url("/stall"));
  wanted.progress_deadline = 100ms;
  auto const stalled = ask(std::move(wanted));
  ASSERT_FALSE(stalled);
  EXPECT_EQ(stalled.error().kind, ErrorKind::stalled) << stalled.error().what;
  auto const cut = get(server.url("/cut"));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, ErrorKind::bad_upstream) << cut.error().what;
  EXPECT_NE(cut.error().what.find("96 are missing"), std::string::npos) << cut.error().what;
}

TEST_F(Tls, ACancelledReadGivesBackItsPlace) {
  RawServer server(
      [](Peer& peer) {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        peer.head();
      },
      &certificate_);
  net::TaskGroup group(loop_.io.get_executor(), [](std::exception_ptr bug) { std::rethrow_exception(bug); });
  auto const forget = [](Async<Answer> task) -> asio::awaitable<void> {
    auto const answer = co_await std::move(task);
    (void)answer;
  };
  group.spawn("request", forget(exchange(request(server.url("/")))));
  loop_.until([&] { return counts_.bytes == 4; });
  group.cancel();
  loop_.until([&] { return group.size() == 0; });
  EXPECT_EQ(client().connections(), 0U);
}

/// A proxy that answers itself, or plays the origin behind a tunnel.
class ThroughProxy : public Tls {
 protected:
  void use(RawServer const& proxy, std::string const& user = "") {
    options_.proxies.http = options_.proxies.https = "http://" + user + "127.0.0.1:" + std::to_string(proxy.port());
  }
};

TEST_F(ThroughProxy, PlainRequestsCarryTheWholeUrl) {
  RawServer proxy(echo);
  use(proxy, "user:p%40ss@");
  auto const answer = get("http://hub.example/a?b");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_TRUE(answer->body.starts_with("GET http://hub.example/a?b HTTP/1.1\r\nHost: hub.example\r\n")) << answer->body;
  EXPECT_NE(answer->body.find("Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"), std::string::npos) << answer->body;
}

TEST_F(ThroughProxy, HttpsGoesThroughATunnelThatSeesNoSecret) {
  std::string asked;
  RawServer proxy(
      [&asked](Peer& peer) {
        asked = peer.head();
        peer.send("HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n");
        if (peer.start_tls()) echo(peer);
      },
      &certificate_, false);
  use(proxy, "user:secret@");
  for (int i = 0; i < 3; ++i) {
    auto wanted = request("https://localhost:8443/x");
    wanted.token = Secret("hf_secret");
    auto const answer = ask(std::move(wanted));
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_TRUE(answer->body.starts_with("GET /x HTTP/1.1\r\nHost: localhost:8443\r\n")) << answer->body;
    EXPECT_NE(answer->body.find("Bearer hf_secret"), std::string::npos);
    EXPECT_EQ(answer->body.find("Proxy-Authorization"), std::string::npos) << "that is for the proxy only";
  }
  EXPECT_EQ(proxy.connections(), 1);
  EXPECT_TRUE(asked.starts_with("CONNECT localhost:8443 HTTP/1.1\r\nHost: localhost:8443\r\n")) << asked;
  EXPECT_NE(asked.find("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), std::string::npos) << asked;
  EXPECT_EQ(asked.find("hf_secret"), std::string::npos);
}

TEST_F(ThroughProxy, ARefusalIsTheProxysAndSaysWhy) {
  RawServer proxy([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\nnope\n");
    peer.head();
  });
  use(proxy, "user:secret@");
  auto const answer = get("https://hub.example/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_NE(answer.error().what.find("407 Proxy Authentication Required"), std::string::npos) << answer.error().what;
  EXPECT_NE(answer.error().what.find("127.0.0.1:" + std::to_string(proxy.port())), std::string::npos) << answer.error().what;
  EXPECT_EQ(answer.error().what.find("secret"), std::string::npos) << answer.error().what;
  EXPECT_EQ(client().connections(), 0U);
}

TEST_F(ThroughProxy, ASilentOrEndlessProxyIsGivenUp) {
  RawServer silent([](Peer& peer) {
    peer.head();
    peer.head();
  });
  use(silent);
  auto wanted = request("https://hub.example/");
  wanted.progress_deadline = 40ms;
  auto const stalled = ask(std::move(wanted));
  ASSERT_FALSE(stalled);
  EXPECT_EQ(stalled.error().kind, ErrorKind::stalled) << stalled.error().what;

  client_.reset();
  RawServer endless([](Peer& peer) {
    peer.head();
    while (peer.send("HTTP/1.1 200 OK with a long story ")) continue;
  });
  use(endless);
  auto const refused = get("https://hub.example/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unreachable) << refused.error().what;
}

TEST_F(ThroughProxy, AProxyWithoutASchemeIsAnHttpProxy) {
  RawServer proxy(echo);
  options_.proxies.http = "127.0.0.1:" + std::to_string(proxy.port());
  auto const answer = get("http://hub.example/");
  ASSERT_TRUE(answer) << answer.error().what;
}

}  // namespace
}  // namespace hubd::http
