// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <cstring>

#include "core/http/connection.h"
#include "core/net/task_group.h"
#include "tests/fuzz/target.h"

namespace hubd {
namespace {

/// The peer's bytes, some at a time, then its end.
class Memory final : public http::Stream {
 public:
  Memory(std::string bytes, std::size_t step) : bytes_(std::move(bytes)), step_(step) {}
  asio::awaitable<Moved> read_some(std::span<std::byte> out, Duration) override {
    auto const count = std::min({out.size(), step_, bytes_.size() - taken_});
    std::memcpy(out.data(), bytes_.data() + taken_, count);
    taken_ += count;
    Moved moved;
    moved.count = count;
    if (count == 0) moved.error = asio::error::eof;
    co_return moved;
  }
  asio::awaitable<Moved> write(std::span<std::byte const> data, Duration) override {
    Moved moved;
    moved.count = data.size();
    co_return moved;
  }
  void close() override {}
  bool quiet() override { return true; }

 private:
  std::string bytes_;
  std::size_t step_;
  std::size_t taken_ = 0;
};

asio::awaitable<void> read_answers(std::string bytes, std::size_t step, bool head_only) {
  auto const offered = bytes.size();
  http::Route const route{"h:1", "192.0.2.1:1"};
  http::Connection connection(std::make_unique<Memory>(std::move(bytes), step), route, 8_KiB);
  std::size_t received = 0;
  for (int answers = 0; answers < 100; ++answers) {
    auto const sent = co_await connection.send("GET / HTTP/1.1\r\n\r\n", std::chrono::seconds(1));
    if (!sent) co_return;
    auto const head = co_await connection.read_head(head_only, std::chrono::seconds(1));
    if (!head) co_return;
    fuzz::promise(head->status >= 200 && head->status <= 599, "a status is one of HTTP's");
    std::array<std::byte, 700> block;
    Bytes body = 0;
    while (true) {
      std::span<std::byte> const space(block);
      auto const count = co_await connection.read_body(space, std::chrono::seconds(1));
      if (!count || *count == 0) break;
      fuzz::promise(*count <= block.size(), "no more is read than fits");
      body += *count;
      received += *count;
    }
    fuzz::promise(received <= offered, "no byte comes twice");
    if (head->content_length && !head_only) fuzz::promise(body <= *head->content_length, "a body is no longer than announced");
    if (!connection.reusable()) co_return;
  }
}

}  // namespace
}  // namespace hubd

// First byte: how many bytes come at a time, and whether HEAD was asked.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  if (size == 0) return 0;
  asio::io_context io;
  net::TaskGroup tasks(io.get_executor(), [](std::exception_ptr bug) { std::rethrow_exception(bug); });
  tasks.spawn("read", read_answers(fuzz::text_of(data + 1, size - 1), 1U + data[0] % 127U, (data[0] & 128U) != 0));
  io.run();
  return 0;
}
