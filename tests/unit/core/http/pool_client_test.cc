// SPDX-License-Identifier: Apache-2.0
#include "core/http/pool_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tests/unit/core/http/http_fixture.h"

namespace hubd::http {
namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

/// Answers every request with its own head as body.
void echo(Peer& peer) {
  while (true) {
    auto const head = peer.head();
    if (head.empty()) return;
    auto const at = head.find("Content-Length: ");
    auto const body = at == std::string::npos ? std::string() : peer.bytes(std::stoul(head.substr(at + 16)));
    if (head.starts_with("HEAD")) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n");
    } else {
      peer.send(ok(head + body));
    }
  }
}

class PoolClientTest : public HttpTest {};

TEST_F(PoolClientTest, ABodyWithALengthComesWhole) {
  auto const big = pattern(3'000'017);
  RawServer server([&big](Peer& peer) {
    while (!peer.head().empty()) peer.send(ok(big));
  });
  auto const answer = get(server.url("/big"));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_TRUE(answer->body == big);
  EXPECT_EQ(counts_.bytes, big.size());
  EXPECT_EQ(counts_.requests, 1);
  EXPECT_EQ(counts_.statuses, std::vector<int>{200});
}

TEST_F(PoolClientTest, AChunkedBodyIsTakenApart) {
  auto const big = pattern(300'000);
  RawServer server([&big](Peer& peer) {
    while (!peer.head().empty()) {
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      std::size_t step = 1;
      for (std::size_t at = 0; at < big.size(); at += step, step = step * 3 % 40'009 + 1) {
        auto const piece = big.substr(at, step);
        char size[32];
        std::snprintf(size, sizeof size, "%zX;ext=\"1\"\r\n", piece.size());
        peer.send(size + piece + "\r\n");
      }
      peer.send("0\r\nX-Trailer: t\r\n\r\n");
    }
  });
  for (int i = 0; i < 2; ++i) {
    auto const answer = get(server.url("/"));
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_TRUE(answer->body == big);
  }
  EXPECT_EQ(server.connections(), 1) << "the connection is kept after the last chunk";
}

TEST_F(PoolClientTest, ABodyWithoutALengthEndsWithTheConnection) {
  RawServer server([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\n\r\nall of it");
  });
  auto const answer = get(server.url("/"));
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->body, "all of it");
  EXPECT_EQ(client().connections(), 0U);
}

TEST_F(PoolClientTest, RequestsFollowEachOtherOnOneConnection) {
  RawServer server(echo);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(get(server.url("/" + std::to_string(i))));
  auto const head = ask(request(server.url("/"), "HEAD"));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->body, "");
  ASSERT_TRUE(get(server.url("/after-head")));
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client().connections(), 1U);
}

TEST_F(PoolClientTest, AnAnswerLeftEarlyEndsItsConnection) {
  RawServer server([](Peer& peer) {
    while (!peer.head().empty()) peer.send(ok(pattern(1'000'000)));
  });
  auto const first = loop_.run(client().send(request(server.url("/"))));
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)->content_length(), 1'000'000U);
  const_cast<std::unique_ptr<Response>&>(*first).reset();
  EXPECT_EQ(client().connections(), 0U);
}

TEST_F(PoolClientTest, AKeptConnectionThatTheServerClosedIsReplaced) {
  RawServer server([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(ok("one"));
    peer.head();  // the next request is not answered
  });
  ASSERT_TRUE(get(server.url("/")));
  auto const again = get(server.url("/"));
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(PoolClientTest, AFailedPostIsNotSentTwice) {
  RawServer server([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(ok("one"));
    peer.head();
  });
  ASSERT_TRUE(get(server.url("/")));
  auto post = request(server.url("/"), "POST");
  post.body = "";
  auto const again = ask(std::move(post));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::unreachable);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(PoolClientTest, TheRequestSaysWhatItShould) {
  RawServer server(echo);
  auto wanted = request(server.url("/a?b=c d"), "POST");
  wanted.token = Secret("hf_secret");
  wanted.body = "payload";
  wanted.headers.set("Range", "bytes=0-1");
  auto const answer = ask(std::move(wanted));
  ASSERT_TRUE(answer);
  auto const& sent = answer->body;
  EXPECT_TRUE(sent.starts_with("POST /a?b=c%20d HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n")) << sent;
  for (char const* line : {"Authorization: Bearer hf_secret\r\n", "Content-Length: 7\r\n", "Accept-Encoding: identity\r\n", "Range: bytes=0-1\r\n",
                           "User-Agent: hubd\r\n", "\r\n\r\npayload"})
    EXPECT_NE(sent.find(line), std::string::npos) << line << " in " << sent;
}

TEST_F(PoolClientTest, NothingACallerGivesCanAddAHeaderOrARequest) {
  RawServer server(echo);
  auto wanted = request(server.url("/"));
  wanted.headers.set("X-One", "1\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1");
  wanted.headers.set("X-Two\r\nX-Evil: 2", "2");
  wanted.headers.set("authorization", "Bearer of-somebody-else");
  wanted.headers.set("Host", "evil");
  wanted.headers.set("Transfer-Encoding", "chunked");
  wanted.headers.set("user-agent", "me");
  wanted.token = Secret("hf_\r\nX-Evil: 3");
  auto const answer = ask(std::move(wanted));
  ASSERT_TRUE(answer);
  auto const& sent = answer->body;
  EXPECT_EQ(sent.find("\nX-Evil"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("somebody"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("Host: evil"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("chunked"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("hubd"), std::string::npos) << "one User-Agent only: " << sent;
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(PoolClientTest, EachStepThatStandsStillEndsAsStalled) {
  for (int step = 0; step < 3; ++step) {
    RawServer server([step](Peer& peer) {
      peer.head();
      if (step == 1) peer.send("HTTP/1.1 200 OK\r\nContent-");
      if (step == 2) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      peer.head();  // says nothing more until the client leaves
    });
    auto wanted = request(server.url("/"));
    wanted.progress_deadline = 40ms;
    auto const answer = ask(std::move(wanted));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::stalled) << step << ": " << answer.error().what;
    EXPECT_NE(answer.error().what.find("127.0.0.1:" + std::to_string(server.port())), std::string::npos) << answer.error().what;
    EXPECT_EQ(client().connections(), 0U) << step;
  }
}

TEST_F(PoolClientTest, AnAddressThatRefusesIsNamedAndTheNextOneTried) {
  std::uint16_t closed = 0;
  {
    RawServer const gone([](Peer&) {});
    closed = gone.port();
  }
  auto const refused = get("http://127.0.0.1:" + std::to_string(closed) + "/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unreachable);
  EXPECT_NE(refused.error().what.find("127.0.0.1:" + std::to_string(closed)), std::string::npos);

  RawServer server(echo);
  resolver_.table["two.example"] = {asio::ip::make_address("127.0.0.2"), asio::ip::make_address("127.0.0.1")};
  auto const answer = get("http://two.example:" + std::to_string(server.port()) + "/");
  ASSERT_TRUE(answer) << answer.error().what;
  auto const unknown = get("http://unknown.example/");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::unreachable);
}

/// An address that takes no connection and says nothing: a listener whose queue is full.
class DeafAddress {
 public:
  DeafAddress(char const* address, std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &at.sin_addr);
    fds_.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    int const yes = 1;
    ::setsockopt(fds_[0], SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    ready = ::bind(fds_[0], reinterpret_cast<sockaddr*>(&at), sizeof(at)) == 0 && ::listen(fds_[0], 0) == 0;
    for (int i = 0; ready && i < 4; ++i) {
      fds_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      (void)::connect(fds_.back(), reinterpret_cast<sockaddr*>(&at), sizeof(at));
    }
  }
  ~DeafAddress() {
    for (int const fd : fds_) ::close(fd);
  }
  DeafAddress(DeafAddress const&) = delete;
  DeafAddress& operator=(DeafAddress const&) = delete;
  bool ready = false;

 private:
  std::vector<int> fds_;
};

/// Keeps what it is told, and puts the addresses in the order of a list.
class Book final : public RouteBook {
 public:
  std::vector<std::string> order(std::string const&, std::vector<std::string> addresses) override {
    offered = addresses;
    if (backwards) std::reverse(addresses.begin(), addresses.end());
    return addresses;
  }
  bool avoid(Route const& route) override { return route.address == avoided; }
  void failed(Route const& route) override { failures.push_back(route.address); }
  std::vector<std::string> offered;
  std::vector<std::string> failures;
  std::string avoided;
  bool backwards = false;
};

TEST_F(PoolClientTest, AnAddressThatSaysNothingHoldsNobodyUp) {
  RawServer server(echo);
  DeafAddress const deaf("127.0.0.3", server.port());
  ASSERT_TRUE(deaf.ready);
  resolver_.table["two.example"] = {asio::ip::make_address("127.0.0.3"), asio::ip::make_address("127.0.0.1")};
  auto const begun = std::chrono::steady_clock::now();
  auto const answer = get("http://two.example:" + std::to_string(server.port()) + "/");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 8s) << "the other address is tried long before the first is given up";
}

TEST_F(PoolClientTest, TheBookSaysWhichAddressIsFirstAndHearsWhatFailed) {
  Book book;
  options_.routes = &book;
  RawServer server(echo);
  auto const port = std::to_string(server.port());
  resolver_.table["two.example"] = {asio::ip::make_address("127.0.0.1"), asio::ip::make_address("127.0.0.2")};
  auto const url = "http://two.example:" + port + "/";
  ASSERT_TRUE(get(url));
  EXPECT_EQ((std::vector<std::string>{"127.0.0.1:" + port, "127.0.0.2:" + port}), book.offered);
  EXPECT_TRUE(book.failures.empty());
  EXPECT_EQ(1, server.connections());
  ASSERT_TRUE(get(url));
  EXPECT_EQ(1, server.connections()) << "kept";
  book.avoided = "127.0.0.1:" + port;
  book.backwards = true;
  ASSERT_TRUE(get(url));
  EXPECT_EQ(2, server.connections()) << "the kept one was avoided";
  EXPECT_EQ((std::vector<std::string>{"127.0.0.2:" + port}), book.failures) << "it refused, and the next one was taken";
}

TEST_F(PoolClientTest, AServerThatFallsSilentIsToldToTheBook) {
  Book book;
  options_.routes = &book;
  RawServer server([](Peer& peer) {
    peer.head();
    if (peer.number() == 1) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    peer.head();
  });
  for (std::size_t i = 1; i <= 2; ++i) {
    auto wanted = request(server.url("/"));
    wanted.progress_deadline = 40ms;
    ASSERT_FALSE(ask(std::move(wanted)));
    EXPECT_EQ(i, book.failures.size());
  }
}

TEST_F(PoolClientTest, ABodyThatTricklesStandsStill) {
  RawServer server([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    for (int i = 0; i < 1000 && peer.send("x"); ++i) (void)::poll(nullptr, 0, 10);
  });
  auto wanted = request(server.url("/"));
  wanted.progress_deadline = 1s;
  auto const answer = ask(std::move(wanted));
  ASSERT_FALSE(answer);
  EXPECT_EQ(ErrorKind::stalled, answer.error().kind);
  EXPECT_NE(std::string::npos, answer.error().what.find("sent only")) << answer.error().what;
}

TEST_F(PoolClientTest, OfflineNothingIsOpened) {
  RawServer server(echo);
  ASSERT_TRUE(get(server.url("/")));
  client().set_offline(true);
  EXPECT_EQ(client().connections(), 0U);
  auto const answer = get(server.url("/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::offline);
  EXPECT_EQ(server.connections(), 1);
  client().set_offline(false);
  EXPECT_TRUE(get(server.url("/")));
}

TEST_F(PoolClientTest, WhoWaitsForAPlaceIsServedInOrder) {
  options_.connections_per_host_max = 1;
  RawServer server(echo);
  auto held = loop_.run(client().send(request(server.url("/held"))));
  ASSERT_TRUE(held);
  std::vector<std::shared_ptr<std::optional<Result<Answer>>>> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(loop_.start(exchange(request(server.url("/" + std::to_string(i))))));
    loop_.settle();
  }
  EXPECT_EQ(counts_.requests, 1);
  EXPECT_EQ(client().connections(), 1U);
  held->reset();
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    loop_.until([&] { return waiting[i]->has_value(); });
    for (std::size_t later = i + 2; later < waiting.size(); ++later) EXPECT_FALSE(waiting[later]->has_value()) << i << " before " << later;
    ASSERT_TRUE(**waiting[i]);
  }
  EXPECT_EQ(client().connections(), 1U);
}

TEST_F(PoolClientTest, ANewcomerDoesNotOvertakeAWaiter) {
  options_.connections_per_host_max = 1;
  RawServer server(echo);
  auto held = loop_.run(client().send(request(server.url("/held"))));
  ASSERT_TRUE(held);
  auto const waiter = loop_.start(exchange(request(server.url("/waiter"))));
  loop_.settle();
  held->reset();  // the place is the waiter's, though it has not run yet
  auto const newcomer = loop_.start(exchange(request(server.url("/newcomer"))));
  loop_.until([&] { return newcomer->has_value(); });
  EXPECT_TRUE(waiter->has_value());
}

TEST_F(PoolClientTest, AWaiterForAnotherHostPassesOneWhoseHostIsFull) {
  options_.connections_per_host_max = 1;
  RawServer busy(echo);
  RawServer other(echo);
  auto const held = loop_.run(client().send(request(busy.url("/"))));
  ASSERT_TRUE(held);
  auto const blocked = loop_.start(exchange(request(busy.url("/"))));
  loop_.settle();
  EXPECT_TRUE(get(other.url("/")));
  EXPECT_FALSE(blocked->has_value());
}

TEST_F(PoolClientTest, TheTotalHoldsAndIdleConnectionsMakeRoom) {
  options_.connections_max = 2;
  RawServer first(echo);
  RawServer second(echo);
  RawServer third(echo);
  ASSERT_TRUE(get(first.url("/")));
  ASSERT_TRUE(get(second.url("/")));
  ASSERT_TRUE(get(third.url("/")));
  EXPECT_LE(client().connections(), 2U);
}

TEST_F(PoolClientTest, GoingOfflineEndsWhoWaits) {
  options_.connections_per_host_max = 1;
  RawServer server(echo);
  auto const held = loop_.run(client().send(request(server.url("/held"))));
  ASSERT_TRUE(held);
  auto const waiter = loop_.start(exchange(request(server.url("/waiter"))));
  loop_.settle();
  client().set_offline(true);
  loop_.until([&] { return waiter->has_value(); });
  ASSERT_FALSE(**waiter);
  EXPECT_EQ((**waiter).error().kind, ErrorKind::offline);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(PoolClientTest, MorePlacesWakeWhoWaits) {
  options_.connections_per_host_max = 1;
  RawServer server(echo);
  auto const held = loop_.run(client().send(request(server.url("/held"))));
  ASSERT_TRUE(held);
  auto const waiter = loop_.start(exchange(request(server.url("/waiter"))));
  loop_.settle();
  client().set_limits(2, 2);
  loop_.until([&] { return waiter->has_value(); });
  EXPECT_TRUE(**waiter);
}

TEST_F(PoolClientTest, CancelledRequestsGiveBackTheirPlacesWhereverTheyStood) {
  options_.connections_per_host_max = 2;
  RawServer server([](Peer& peer) {
    auto const head = peer.head();
    if (head.starts_with("GET /body")) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    peer.head();
  });
  {
    net::TaskGroup group(loop_.io.get_executor(), [](std::exception_ptr bug) { std::rethrow_exception(bug); });
    auto const forget = [](Async<Answer> task) -> asio::awaitable<void> {
      auto const answer = co_await std::move(task);
      (void)answer;
    };
    // One waits for a head, one for a body, the others for a place.
    for (char const* path : {"/head", "/body", "/place", "/place"}) group.spawn("request", forget(exchange(request(server.url(path)))));
    loop_.until([&] { return counts_.bytes == 4; });
    EXPECT_EQ(client().connections(), 2U);
    group.cancel();
    loop_.until([&] { return group.size() == 0; });
  }
  EXPECT_EQ(client().connections(), 0U);
  RawServer healthy(echo);
  EXPECT_TRUE(get(healthy.url("/")));
}

TEST_F(PoolClientTest, APlaceGrantedToACancelledWaiterGoesToTheNext) {
  options_.connections_per_host_max = 1;
  RawServer server(echo);
  auto held = loop_.run(client().send(request(server.url("/held"))));
  ASSERT_TRUE(held);
  net::TaskGroup group(loop_.io.get_executor(), [](std::exception_ptr bug) { std::rethrow_exception(bug); });
  auto const forget = [](Async<Answer> task) -> asio::awaitable<void> {
    auto const answer = co_await std::move(task);
    (void)answer;
  };
  group.spawn("first", forget(exchange(request(server.url("/first")))));
  loop_.settle();
  auto const second = loop_.start(exchange(request(server.url("/second"))));
  loop_.settle();
  group.cancel();
  held->reset();  // in the same turn: granted to whoever is still there
  loop_.until([&] { return second->has_value() && group.size() == 0; });
  EXPECT_TRUE(**second);
  EXPECT_EQ(client().connections(), 1U);
}

TEST_F(PoolClientTest, KeptConnectionsAreClosedWhenNobodyTakesThem) {
  options_.idle_max = 20ms;
  std::atomic<bool> ended = false;
  RawServer server([&ended](Peer& peer) {
    echo(peer);
    ended = true;
  });
  ASSERT_TRUE(get(server.url("/")));
  loop_.until([&] { return client().connections() == 0 && ended; });
}

TEST_F(PoolClientTest, AnswersBeyondTheLimitAreNotCollected) {
  RawServer server([](Peer& peer) {
    auto const head = peer.head();
    if (head.starts_with("GET /announced")) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n");
    if (head.starts_with("GET /endless")) {
      peer.send("HTTP/1.1 200 OK\r\n\r\n");
      std::string const more(10'000, 'm');
      while (peer.send(more)) continue;
    }
    peer.head();
  });
  auto const small = [this](std::string url) -> Async<std::string> {
    auto wanted = request(std::move(url));
    auto const response = co_await client().send(std::move(wanted));
    if (!response) co_return response.error();
    auto text = co_await read_all(**response, 100'000);
    co_return text;
  };
  for (char const* path : {"/announced", "/endless"}) {
    auto const text = loop_.run(small(server.url(path)));
    ASSERT_FALSE(text) << path;
    EXPECT_EQ(text.error().kind, ErrorKind::exhausted) << path;
  }
}

TEST(PoolClientMake, AProxyOrCaFileThatCannotWorkIsRefusedAtOnce) {
  asio::io_context io;
  TableResolver resolver;
  SystemClock clock;
  NullLog log;
  for (char const* proxy : {"https://proxy:3128", "socks5://proxy:1080", "http://", "://"}) {
    PoolClient::Options options;
    options.proxies.https = proxy;
    auto const made = PoolClient::make(io.get_executor(), options, resolver, clock, log, nullptr);
    ASSERT_FALSE(made) << proxy;
    EXPECT_EQ(made.error().kind, ErrorKind::bad_request);
  }
  PoolClient::Options options;
  options.ca_file = "/nonexistent/ca.pem";
  auto const made = PoolClient::make(io.get_executor(), options, resolver, clock, log, nullptr);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().what.find("/nonexistent/ca.pem"), std::string::npos);
}

}  // namespace
}  // namespace hubd::http
