// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/http/pool_client.h"
#include "tests/support/in_loop.h"
#include "tests/support/raw_server.h"

namespace hubd::http {

using namespace std::chrono_literals;
using support::RawServer;
using Peer = RawServer::Connection;

/// Names from a table; literals are themselves.
class TableResolver final : public net::Resolver {
 public:
  Async<std::vector<asio::ip::address>> resolve(std::string host, Duration) override {
    auto const found = table.find(host);
    if (found != table.end()) co_return found->second;
    boost::system::error_code error;
    auto const literal = asio::ip::make_address(host, error);
    if (error) co_return fail(ErrorKind::unreachable, "host " + host + " is not in the table");
    co_return std::vector<asio::ip::address>{literal};
  }
  std::map<std::string, std::vector<asio::ip::address>> table{{"localhost", {asio::ip::make_address("127.0.0.1")}}};
};

/// What the client reports.
class Counts final : public Observer {
 public:
  void request(std::string_view) override { ++requests; }
  void answer(std::string_view, int status, Headers const&) override { statuses.push_back(status); }
  void received(std::string_view, Bytes count) override { bytes += count; }
  int requests = 0;
  std::vector<int> statuses;
  Bytes bytes = 0;
};

/// A whole answer, read.
struct Answer {
  int status = 0;
  std::string body;
  Headers headers;
  std::string url;
  std::size_t hops = 0;
};

class HttpTest : public ::testing::Test {
 protected:
  void TearDown() override {
    // The client dies before the loop that its timers belong to, and after the tasks that use it.
    loop_.tasks.cancel();
    loop_.until([this] { return loop_.tasks.size() == 0; });
    client_.reset();
  }

  PoolClient& client() {
    if (!client_) {
      auto made = PoolClient::make(loop_.io.get_executor(), options_, resolver_, clock_, log_, &counts_);
      if (!made) throw std::runtime_error(made.error().what);
      client_ = std::move(*made);
    }
    return *client_;
  }
  static Request request(std::string url, std::string method = "GET") {
    Request made;
    made.url = std::move(url);
    made.method = std::move(method);
    made.progress_deadline = 20s;
    return made;
  }
  Async<Answer> exchange(Request wanted) {
    auto response = co_await client().send(std::move(wanted));
    if (!response) co_return response.error();
    auto& got = **response;
    auto body = co_await read_all(got, 64_MiB);
    if (!body) co_return body.error();
    Answer answer;
    answer.status = got.status();
    answer.body = *body;
    answer.headers = got.headers();
    answer.url = got.url();
    answer.hops = got.hops().size();
    co_return answer;
  }
  Result<Answer> get(std::string url) { return loop_.run(exchange(request(std::move(url)))); }
  Result<Answer> ask(Request wanted) { return loop_.run(exchange(std::move(wanted))); }

  SystemClock clock_;
  NullLog log_;
  TableResolver resolver_;
  Counts counts_;
  PoolClient::Options options_;
  std::unique_ptr<PoolClient> client_;
  support::Loop loop_;  // dies first: its tasks use the rest
};

/// "HTTP/1.1 200 OK" with a body of that length.
inline std::string ok(std::string const& body, std::string const& fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
}

}  // namespace hubd::http
