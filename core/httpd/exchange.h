// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "core/httpd/chunked.h"
#include "core/httpd/head.h"
#include "core/httpd/server.h"
#include "core/httpd/wire.h"

namespace hubd::httpd {

/// One request and its answer on a connection: what a handler sees.
class Exchange final : public Request, public Responder {
 public:
  Exchange(Wire& wire, Peer const& peer, Options const& options, Clock const& clock, RequestHead head);

  std::string_view method() const override { return head_.method; }
  std::string_view target() const override { return head_.target; }
  std::string_view path() const override;
  std::string_view query() const override;
  std::string_view header(std::string_view name) const override { return head_.field(name); }
  Peer const& peer() const override { return peer_; }
  Async<std::size_t> read_some(std::span<std::byte> out) override;
  Async<std::string> read_all(Bytes size_max) override;

  Async<void> reply(int status, Fields fields, std::string body) override;
  Async<void> start(int status, Fields fields, std::optional<Bytes> length) override;
  Async<void> write(std::span<std::byte const> data) override;
  Async<void> finish() override;
  void abort() override { wire_.close(); }
  bool started() const override { return started_; }
  asio::awaitable<void> peer_gone() override;

  /// The answer went out whole.
  [[nodiscard]] bool finished() const { return finished_; }
  /// Another request may follow on this connection, once the rest of the body was read.
  [[nodiscard]] bool reusable() const;
  [[nodiscard]] bool body_read() const { return body_done_; }

 private:
  /// "Connection", "Date" and what else every head carries.
  void complete_fields(int status, Fields& fields);
  [[nodiscard]] Error broken(boost::system::error_code error, std::string_view doing) const;
  Async<void> invite_body();
  Async<std::size_t> read_chunked(std::span<std::byte> out);

  Wire& wire_;
  Peer const& peer_;
  Options const& options_;
  Clock const& clock_;
  RequestHead head_;

  Bytes body_left_ = 0;  // of a body with a length
  ChunkDecoder chunks_;
  bool body_done_ = false;
  bool invited_ = false;  // 100 Continue went out, or was not asked for

  bool started_ = false;
  bool finished_ = false;
  bool failed_ = false;
  bool bodiless_ = false;         // HEAD, 204, 304: body bytes are dropped
  bool chunked_ = false;          // of the answer
  bool until_close_ = false;      // HTTP/1.0 without a length
  std::optional<Bytes> answer_left_;
};

}  // namespace hubd::httpd
