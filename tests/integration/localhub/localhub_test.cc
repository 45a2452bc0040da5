// SPDX-License-Identifier: Apache-2.0
// The local Hub inside a test's own process.
#include "tests/localhub/localhub.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hubd::localhub {
namespace {

constexpr auto kSeed = R"({"repos": [{"id": "acme/tiny", "commits": [
  {"id": "1111111111111111111111111111111111111111", "files": [
    {"path": "config.json", "text": "{}"}, {"path": "w.bin", "size": 2000000, "random_seed": 1}]}]}]})";

/// A connection that sends one request; the answer is read by the test.
class Talk {
 public:
  Talk(std::string const& url, std::string const& target) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1))));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(0, ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address));
    auto const request = "GET " + target + " HTTP/1.1\r\nHost: " + url.substr(7) + "\r\nX-Localhub-Client: test\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(static_cast<ssize_t>(request.size()), ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL));
  }
  ~Talk() { ::close(socket_); }
  Talk(Talk const&) = delete;
  Talk& operator=(Talk const&) = delete;

  /// Everything up to the end of the answer, or up to `size` bytes.
  std::string read(std::size_t size = 1U << 30U) {
    std::string all;
    char buffer[65536];
    while (all.size() < size) {
      auto const got = ::recv(socket_, buffer, std::min(sizeof buffer, size - all.size()), 0);
      if (got <= 0) break;
      all.append(buffer, static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  int socket_;
};

std::unique_ptr<LocalHub> start(std::string seed = kSeed) {
  Options options;
  options.seed = std::move(seed);
  auto hub = LocalHub::start(options);
  EXPECT_TRUE(hub.has_value()) << (hub ? "" : hub.error().what);
  return hub ? std::move(*hub) : nullptr;
}

std::string location_of(std::string const& answer) {
  auto const from = answer.find("Location: ") + 10;
  return answer.substr(from, answer.find("\r\n", from) - from);
}

TEST(LocalHub, AnswersAndCountsWhatWasAnswered) {
  auto const hub = start();
  auto const first = Talk(hub->url(), "/acme/tiny/resolve/main/w.bin").read();
  EXPECT_NE(std::string::npos, first.find("X-Repo-Commit: 1111111111111111111111111111111111111111"));
  auto const location = location_of(first);
  ASSERT_TRUE(location.starts_with(hub->cdn_url()));
  auto const body = Talk(hub->cdn_url(), location.substr(hub->cdn_url().size())).read();
  EXPECT_GT(body.size(), 2'000'000U);
  // Whoever has the answer finds it counted.
  auto const counters = hub->counters();
  EXPECT_EQ(1U, counters.route("resolve-get").requests);
  EXPECT_EQ(2'000'000U, counters.route("cdn").bytes);
  EXPECT_EQ(2U, counters.clients.at("test").requests);
  EXPECT_EQ(2U, hub->requests().size());
  EXPECT_EQ(200, hub->requests().back().status);
  hub->reset_counters();
  EXPECT_EQ(0U, hub->counters().total.requests);
}

TEST(LocalHub, StopsWhileAnAnswerStalls) {
  auto hub = start();
  ASSERT_TRUE(hub->add_faults(R"([{"match":{"route":"cdn"},"action":{"type":"stall","after":1000}},
                                  {"match":{"route":"refs"},"action":{"type":"silent"}}])"));
  auto const location = location_of(Talk(hub->url(), "/acme/tiny/resolve/main/w.bin").read());
  Talk stalled(hub->cdn_url(), location.substr(hub->cdn_url().size()));
  Talk silent(hub->url(), "/api/models/acme/tiny/refs");
  EXPECT_EQ(500U, stalled.read(500).size());
  hub.reset();  // must not wait for them
  EXPECT_LT(stalled.read().size(), 2'000'000U);
  EXPECT_EQ("", silent.read());
}

TEST(LocalHub, RefusesASeedItDoesNotUnderstand) {
  for (auto const* seed : {"{", R"({"repositories": []})", R"({"repos": [{"id": "a/b", "type": "bucket"}]})",
                           R"({"repos": [{"id": "a/b", "commits": [{"id": "xyz", "files": []}]}]})"}) {
    Options options;
    options.seed = seed;
    auto const hub = LocalHub::start(options);
    ASSERT_FALSE(hub.has_value()) << seed;
    EXPECT_EQ(ErrorKind::bad_request, hub.error().kind);
  }
  auto const hub = start();
  EXPECT_FALSE(hub->add_faults(R"([{"action":{"type":"explode"}}])"));
  EXPECT_FALSE(hub->set_knobs(R"({"speed": 1})"));
  EXPECT_FALSE(hub->set_knobs(R"({"tree_page": 0})"));
}

TEST(LocalHub, SeedsMoreWhileItRuns) {
  auto const hub = start();
  ASSERT_TRUE(hub->seed(R"({"repos": [{"id": "acme/tiny", "commits": [{"files": [{"path": "new.txt", "text": "new"}]}], "tags": {"v2": "main"}}]})"));
  auto const answer = Talk(hub->url(), "/acme/tiny/raw/v2/new.txt").read();
  EXPECT_TRUE(answer.ends_with("new")) << answer;
  EXPECT_NE(std::string::npos, Talk(hub->url(), "/acme/tiny/raw/11111111/new.txt").read().find("X-Error-Code: EntryNotFound"));
}

}  // namespace
}  // namespace hubd::localhub
