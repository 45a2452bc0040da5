// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/http/client.h"
#include "core/http/stream.h"

namespace hubd::http {

/// One connection that carries one request at a time: writes its head and body, parses the answer's head with Beast, and
/// gives body bytes to the caller's buffers without a copy of our own (bodies with a length).
class Connection {
 public:
  Connection(std::unique_ptr<Stream> stream, Route route, Bytes head_max);
  ~Connection();
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  struct Head {
    int status = 0;
    Headers headers;
    std::optional<Bytes> content_length;
  };
  /// Sends `bytes` (request line, fields, body). Fails: stalled, unreachable, cancelled.
  Async<void> send(std::string_view bytes, Duration limit);
  /// Reads the head of the answer; interim 1xx answers are skipped. `no_body` for HEAD.
  /// Fails: stalled, unreachable when the peer closed before a byte (see untouched()), bad_upstream, cancelled.
  Async<Head> read_head(bool no_body, Duration limit);
  /// Fails: stalled, bad_upstream (cut short), cancelled. 0: the body is over.
  Async<std::size_t> read_body(std::span<std::byte> out, Duration limit);

  /// No byte of the answer has come: on a kept connection the request may be repeated on a new one.
  [[nodiscard]] bool untouched() const { return !touched_; }
  /// The answer was read to its end and the peer keeps the connection.
  [[nodiscard]] bool reusable() const;
  /// Nothing of the answer is left to read.
  [[nodiscard]] bool over() const { return over_; }
  bool quiet() { return stream_->quiet(); }
  [[nodiscard]] Route const& route() const { return route_; }
  Time idle_since{};

 private:
  struct Parser;  // Beast stays in connection.cc
  Async<void> fill(Duration limit, std::string_view doing);
  Async<std::size_t> read_chunked(std::span<std::byte> out, Duration limit);
  [[nodiscard]] Error not_http(std::string const& why) const;
  [[nodiscard]] Error broken(boost::system::error_code error, std::string_view doing) const;

  std::unique_ptr<Stream> stream_;
  Route route_;
  Bytes head_max_;
  std::unique_ptr<Parser> parser_;
  std::vector<std::byte> buffer_;  // what came and is not used yet: [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool touched_ = false;
  bool over_ = true;    // no answer is being read
  bool keep_ = false;
  enum class Body { none, length, chunked, until_close } body_ = Body::none;
  Bytes left_ = 0;
  Bytes received_ = 0;
};

}  // namespace hubd::http
