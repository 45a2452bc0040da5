// SPDX-License-Identifier: Apache-2.0
#include "core/http/connection.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstring>

namespace hubd::http {
namespace beast_http = boost::beast::http;

constexpr int kInterimMax = 16;  // 1xx answers before the real one

struct Connection::Parser {
  beast_http::response_parser<beast_http::buffer_body> beast;
};

Connection::Connection(std::unique_ptr<Stream> stream, Route route, Bytes head_max)
    : stream_(std::move(stream)), route_(std::move(route)), head_max_(head_max), buffer_(32_KiB) {}
Connection::~Connection() { stream_->close(); }

Error Connection::broken(boost::system::error_code error, std::string_view doing) const {
  auto result = fail(ErrorKind::unreachable, "", error);
  auto const where = describe(route_);
  if (error == asio::error::timed_out) {
    result.kind = ErrorKind::stalled;
    result.what = where + " made no progress while " + std::string(doing);
  } else if (error == asio::error::operation_aborted) {
    result.kind = ErrorKind::cancelled;
    result.what = std::string(doing) + " from " + where + " was cancelled";
  } else {
    result.what = "the connection to " + where + " broke while " + std::string(doing) + ": " + error.message();
  }
  result.host = where;
  return result;
}

Error Connection::not_http(std::string const& why) const {
  auto error = fail(ErrorKind::bad_upstream, route_.host + " did not answer in HTTP (" + why + ")");
  error.host = route_.host;
  return error;
}

Async<void> Connection::send(std::string_view bytes, Duration limit) {
  touched_ = false;
  over_ = false;
  keep_ = false;
  auto const data = as_bytes(bytes);
  auto const sent = co_await stream_->write(data, limit);
  if (sent.error) co_return broken(sent.error, "sending the request");
  co_return Result<void>();
}

Async<void> Connection::fill(Duration limit, std::string_view doing) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size()) {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else if (buffer_.size() < head_max_) {
      buffer_.resize(std::min<std::size_t>(buffer_.size() * 2, static_cast<std::size_t>(head_max_)));
    } else {
      auto error = fail(ErrorKind::bad_upstream, route_.host + " sent an answer head of more than " + std::to_string(head_max_) + " bytes");
      error.host = route_.host;
      co_return error;
    }
  }
  std::span<std::byte> const space(buffer_.data() + end_, buffer_.size() - end_);
  auto const got = co_await stream_->read_some(space, limit);
  if (got.error) co_return broken(got.error, doing);
  touched_ = true;
  end_ += got.count;
  co_return Result<void>();
}

Async<Connection::Head> Connection::read_head(bool no_body, Duration limit) {
  for (int interim = 0;; ++interim) {
    if (interim > kInterimMax) co_return not_http("more interim answers than the " + std::to_string(kInterimMax) + " accepted");
    parser_ = std::make_unique<Parser>();
    auto& parser = parser_->beast;
    parser.header_limit(static_cast<std::uint32_t>(head_max_));
    parser.body_limit(boost::none);
    parser.skip(no_body);
    while (!parser.is_header_done()) {
      if (begin_ < end_) {
        boost::system::error_code error;
        auto const used = parser.put(asio::const_buffer(buffer_.data() + begin_, end_ - begin_), error);
        begin_ += used;
        if (parser.is_header_done()) break;
        if (error && error != beast_http::error::need_more) co_return not_http(error.message());
      }
      auto const filled = co_await fill(limit, "waiting for the answer");
      if (!filled) co_return filled.error();
    }
    auto const status = static_cast<int>(parser.get().result_int());
    // Nobody asked for another protocol, so 101 is as wrong as a status outside of HTTP's.
    if (status < 100 || status == 101 || status > 599) co_return not_http("status " + std::to_string(status));
    if (status < 200) continue;

    Head head;
    head.status = status;
    for (auto const& field : parser.get().base())
      head.headers.add(std::string(field.name_string()), std::string(field.value()));
    if (auto const length = parser.content_length()) head.content_length = *length;
    keep_ = parser.keep_alive();
    received_ = 0;
    over_ = false;
    if (no_body || status == 204 || status == 304 || (head.content_length && *head.content_length == 0)) {
      body_ = Body::none;
      over_ = true;
    } else if (parser.chunked()) {
      body_ = Body::chunked;
      parser.eager(true);
    } else if (head.content_length) {
      body_ = Body::length;
      left_ = *head.content_length;
    } else {
      body_ = Body::until_close;
      keep_ = false;
    }
    co_return head;
  }
}

Async<std::size_t> Connection::read_body(std::span<std::byte> out, Duration limit) {
  if (over_ || out.empty()) co_return std::size_t{0};
  if (body_ == Body::chunked) {
    auto const chunk = co_await read_chunked(out, limit);
    co_return chunk;
  }
  auto wanted = out;
  if (body_ == Body::length && left_ < wanted.size()) wanted = wanted.first(static_cast<std::size_t>(left_));
  std::size_t count = 0;
  if (begin_ < end_) {  // what came with the head
    count = std::min(end_ - begin_, wanted.size());
    std::memcpy(wanted.data(), buffer_.data() + begin_, count);
    begin_ += count;
  } else {
    auto const got = co_await stream_->read_some(wanted, limit);
    if (got.error) {
      if (got.error == asio::error::eof && body_ == Body::until_close) {
        over_ = true;
        co_return std::size_t{0};
      }
      auto error = broken(got.error, "sending the body");
      if (error.kind == ErrorKind::unreachable) {
        error.kind = ErrorKind::bad_upstream;
        error.what = route_.host + " cut the answer short after " + std::to_string(received_) + " bytes" +
                     (body_ == Body::length ? ", " + std::to_string(left_) + " are missing" : "");
      } else if (error.kind == ErrorKind::stalled) {
        error.what += " (after " + std::to_string(received_) + " bytes)";
      }
      co_return error;
    }
    count = got.count;
  }
  received_ += count;
  if (body_ == Body::length) {
    left_ -= count;
    if (left_ == 0) over_ = true;
  }
  co_return count;
}

Async<std::size_t> Connection::read_chunked(std::span<std::byte> out, Duration limit) {
  auto& parser = parser_->beast;
  auto& body = parser.get().body();
  while (true) {
    body.data = out.data();
    body.size = out.size();
    body.more = true;
    if (begin_ < end_) {
      boost::system::error_code error;
      auto const used = parser.put(asio::const_buffer(buffer_.data() + begin_, end_ - begin_), error);
      begin_ += used;
      auto const produced = out.size() - body.size;
      if (error && error != beast_http::error::need_more && error != beast_http::error::need_buffer) {
        auto result = fail(ErrorKind::bad_upstream, route_.host + " sent a broken chunked body (" + error.message() + ")", error);
        result.host = route_.host;
        co_return result;
      }
      if (parser.is_done()) over_ = true;
      received_ += produced;
      if (produced > 0 || over_) co_return produced;
    } else if (parser.is_done()) {
      over_ = true;
      co_return std::size_t{0};
    }
    auto const filled = co_await fill(limit, "sending the body");
    if (!filled) {
      auto error = filled.error();
      if (error.kind == ErrorKind::unreachable) {
        error.kind = ErrorKind::bad_upstream;
        error.what = route_.host + " cut the answer short after " + std::to_string(received_) + " bytes";
      }
      co_return error;
    }
  }
}

bool Connection::reusable() const { return over_ && keep_ && begin_ == end_; }

}  // namespace hubd::http
