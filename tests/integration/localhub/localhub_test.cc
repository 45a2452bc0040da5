// SPDX-License-Identifier: Apache-2.0
// The local Hub inside a test's own process.
#include "tests/localhub/localhub.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace hubd::localhub {
namespace {

constexpr auto kSeed = R"({"repos": [{"id": "acme/tiny", "commits": [
  {"id": "1111111111111111111111111111111111111111", "files": [
    {"path": "config.json", "text": "{}"}, {"path": "w.bin", "size": 2000000, "random_seed": 1}]}]}]})";

/// A connection that sends one request; the answer is read by the test.
class Talk {
 public:
  Talk(std::string const& url, std::string const& target, std::string const& fields = {}) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1))));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(0, ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address));
    auto const request = "GET " + target + " HTTP/1.1\r\nHost: " + url.substr(7) + "\r\nX-Localhub-Client: test\r\n" + fields + "Connection: close\r\n\r\n";
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

TEST(LocalHub, IsACasAndCountsChunks) {
  auto const hub = start(R"({"repos": [{"id": "acme/tiny", "commits": [{"files": [
    {"path": "w.bin", "size": 2000000, "random_seed": 1, "xet": {"xorb_chunks": 5}}]}]}]})");
  auto const resolved = Talk(hub->url(), "/acme/tiny/resolve/main/w.bin").read();
  auto const field = [](std::string const& answer, std::string const& name) {
    auto const from = answer.find(name + ": ") + name.size() + 2;
    return answer.substr(from, answer.find("\r\n", from) - from);
  };
  auto const token = field(Talk(hub->url(), "/api/models/acme/tiny/xet-read-token/main").read(), "X-Xet-Access-Token");
  auto const target = "/v2/reconstructions/" + field(resolved, "X-Xet-Hash");
  EXPECT_TRUE(Talk(hub->cas_url(), target).read().starts_with("HTTP/1.1 401"));
  auto const plan = Talk(hub->cas_url(), target, "Authorization: Bearer " + token + "\r\n").read();
  ASSERT_TRUE(plan.starts_with("HTTP/1.1 200")) << plan;
  std::size_t fetched = 0;
  auto const start = "\"url\":\"" + hub->xorb_url();
  for (auto at = plan.find(start); at != std::string::npos; at = plan.find(start, at + 1)) {
    auto const from = at + start.size();
    EXPECT_TRUE(Talk(hub->xorb_url(), plan.substr(from, plan.find('"', from) - from)).read().starts_with("HTTP/1.1 206"));
    ++fetched;
  }
  EXPECT_GT(fetched, 3U);
  auto const all = hub->xorbs();
  EXPECT_EQ(fetched, all.size());
  Bytes bytes = 0;
  for (auto const& [name, xorb] : all) {
    EXPECT_LE(xorb.chunks.size(), 5U);
    EXPECT_TRUE(std::all_of(xorb.chunks.begin(), xorb.chunks.end(), [](std::uint64_t times) { return times == 1; })) << name;
    bytes += xorb.bytes - 8 * xorb.chunks.size();
  }
  EXPECT_EQ(2'000'000U, bytes);
  EXPECT_EQ(all.size(), hub->xorbs("test").size());
  EXPECT_TRUE(hub->xorbs("another").empty());
  hub->expire_tokens();
  EXPECT_TRUE(Talk(hub->cas_url(), target, "Authorization: Bearer " + token + "\r\n").read().starts_with("HTTP/1.1 401"));
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
