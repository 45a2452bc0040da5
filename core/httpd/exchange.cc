// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/exchange.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cstdio>

namespace hubd::httpd {
namespace {

constexpr std::size_t pipelined_max = 64 * 1024;  // read ahead while waiting for the peer to leave

asio::const_buffer buffer_of(std::string_view text) { return {text.data(), text.size()}; }

bool has_field(Fields const& fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(), [&](auto const& field) { return same_name(field.first, name); });
}

}  // namespace

Exchange::Exchange(Wire& wire, Peer const& peer, Options const& options, Clock const& clock, RequestHead head)
    : wire_(wire), peer_(peer), options_(options), clock_(clock), head_(std::move(head)) {
  body_left_ = head_.chunked ? 0 : head_.content_length.value_or(0);
  body_done_ = !head_.has_body();
  invited_ = !head_.expects_continue;
}

std::string_view Exchange::path() const {
  std::string_view const target = head_.target;
  return target.substr(0, target.find('?'));
}

std::string_view Exchange::query() const {
  std::string_view const target = head_.target;
  auto const mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

Error Exchange::broken(boost::system::error_code error, std::string_view doing) const {
  std::error_code const cause = error;
  std::string const what = std::string(doing) + " " + peer_.address;
  if (error == asio::error::timed_out)
    return fail(ErrorKind::stalled, what + ": the peer stood still for longer than allowed", cause);
  return fail(ErrorKind::cancelled, what + ": the peer went away (" + error.message() + ")", cause);
}

Async<void> Exchange::invite_body() {
  if (invited_ || started_) co_return Result<void>();  // after a final status it is too late to invite
  invited_ = true;
  Transport::Buffers const buffers{buffer_of("HTTP/1.1 100 Continue\r\n\r\n")};
  auto const error = co_await wire_.write(buffers, options_.stall_max);
  if (error) co_return broken(error, "invite the body of");
  co_return Result<void>();
}

Async<std::size_t> Exchange::read_chunked(std::span<std::byte> out) {
  while (true) {
    if (chunks_.failed()) co_return fail(ErrorKind::bad_request, "the chunked request body is malformed");
    if (chunks_.done()) {
      body_done_ = true;
      co_return std::size_t{0};
    }
    wire_.limit(options_.stall_max);
    if (auto const left = chunks_.data_left(); left > 0) {
      auto const part = out.first(static_cast<std::size_t>(std::min<Bytes>(out.size(), left)));
      auto const moved = co_await wire_.read_some(part);
      wire_.unlimited();
      if (moved.error) co_return broken(moved.error, "read a request body from");
      chunks_.took(moved.count);
      co_return moved.count;
    }
    if (wire_.ahead().empty()) {
      auto const error = co_await wire_.fill();
      wire_.unlimited();
      if (error) co_return broken(error, "read a request body from");
    }
    wire_.take(chunks_.feed(wire_.ahead()));
  }
}

Async<std::size_t> Exchange::read_some(std::span<std::byte> out) {
  if (body_done_ || out.empty()) co_return std::size_t{0};
  auto const invited = co_await invite_body();
  if (!invited) co_return invited.error();
  if (head_.chunked) {
    auto const chunk = co_await read_chunked(out);
    if (!chunk) failed_ = true;
    co_return chunk;
  }
  auto const part = out.first(static_cast<std::size_t>(std::min<Bytes>(out.size(), body_left_)));
  wire_.limit(options_.stall_max);
  auto const moved = co_await wire_.read_some(part);
  wire_.unlimited();
  if (moved.error) {
    failed_ = true;
    co_return broken(moved.error, "read a request body from");
  }
  body_left_ -= moved.count;
  body_done_ = body_left_ == 0;
  co_return moved.count;
}

Async<std::string> Exchange::read_all(Bytes size_max) {
  auto const too_long = [&] {
    return fail(ErrorKind::exhausted, "the request body is longer than " + std::to_string(size_max) + " bytes");
  };
  if (!head_.chunked && body_left_ > size_max) co_return too_long();
  std::string body;
  std::size_t filled = 0;
  while (!body_done_) {
    auto const room = head_.chunked ? Bytes{64_KiB} : body_left_;
    body.resize(filled + static_cast<std::size_t>(room));
    std::span<std::byte> const out(reinterpret_cast<std::byte*>(body.data()) + filled, body.size() - filled);
    auto const count = co_await read_some(out);
    if (!count) co_return count.error();
    filled += *count;
    if (filled > size_max) co_return too_long();
  }
  body.resize(filled);
  co_return body;
}

bool Exchange::reusable() const {
  return finished_ && !failed_ && !until_close_ && head_.keep_alive && !wire_.closed() && (invited_ || body_done_);
}

void Exchange::complete_fields(int status, Fields& fields) {
  if (status < 200) return;
  if (!has_field(fields, "Date"))
    fields.emplace_back("Date", http_date(std::chrono::system_clock::to_time_t(clock_.wall())));
  if (!has_field(fields, "Connection")) {
    bool const stays = head_.keep_alive && !until_close_ && (invited_ || body_done_);
    if (!stays) fields.emplace_back("Connection", "close");
    if (stays && head_.http_1_0) fields.emplace_back("Connection", "keep-alive");
  } else {
    for (auto const& [name, value] : fields)
      if (same_name(name, "Connection") && same_name(value, "close")) head_.keep_alive = false;
  }
}

Async<void> Exchange::reply(int status, Fields fields, std::string body) {
  if (started_) co_return fail(ErrorKind::internal, "a second answer was started for one request");
  started_ = true;
  bodiless_ = head_.method == "HEAD" || status == 204 || status == 304 || status < 200;
  if (status != 204 && status != 304 && status >= 200 && !has_field(fields, "Content-Length"))
    fields.emplace_back("Content-Length", std::to_string(body.size()));
  complete_fields(status, fields);
  auto const head = format_head(status, fields);
  Transport::Buffers buffers{buffer_of(head)};
  if (!bodiless_) buffers[1] = buffer_of(body);
  auto const error = co_await wire_.write(buffers, options_.stall_max);
  if (error) {
    failed_ = true;
    co_return broken(error, "answer");
  }
  finished_ = true;
  co_return Result<void>();
}

Async<void> Exchange::start(int status, Fields fields, std::optional<Bytes> length) {
  if (started_) co_return fail(ErrorKind::internal, "a second answer was started for one request");
  if (status < 300) {  // the handler means to read the body while it answers
    auto const invited = co_await invite_body();
    if (!invited) co_return invited.error();
  }
  started_ = true;
  bodiless_ = head_.method == "HEAD" || status == 204 || status == 304;
  answer_left_ = length;
  if (length) {
    if (!has_field(fields, "Content-Length")) fields.emplace_back("Content-Length", std::to_string(*length));
  } else if (status != 204 && status != 304) {
    until_close_ = head_.http_1_0;
    chunked_ = !until_close_;
    if (chunked_) fields.emplace_back("Transfer-Encoding", "chunked");
  }
  complete_fields(status, fields);
  auto const head = format_head(status, fields);
  Transport::Buffers const buffers{buffer_of(head)};
  auto const error = co_await wire_.write(buffers, options_.stall_max);
  if (error) {
    failed_ = true;
    co_return broken(error, "answer");
  }
  co_return Result<void>();
}

Async<void> Exchange::write(std::span<std::byte const> data) {
  if (!started_ || finished_) co_return fail(ErrorKind::internal, "an answer's body was written outside start and finish");
  if (data.empty()) co_return Result<void>();
  if (answer_left_) {
    if (data.size() > *answer_left_) {
      failed_ = true;
      co_return fail(ErrorKind::internal, "an answer's body is longer than announced");
    }
    *answer_left_ -= data.size();
  }
  if (bodiless_) co_return Result<void>();
  char size_line[24] = "";
  if (chunked_) std::snprintf(size_line, sizeof size_line, "%zx\r\n", data.size());
  Transport::Buffers const buffers{buffer_of(size_line), asio::const_buffer(data.data(), data.size()),
                                   buffer_of(chunked_ ? "\r\n" : "")};
  auto const error = co_await wire_.write(buffers, options_.stall_max);
  if (error) {
    failed_ = true;
    co_return broken(error, "answer");
  }
  co_return Result<void>();
}

Async<void> Exchange::finish() {
  if (!started_) co_return fail(ErrorKind::internal, "an answer was finished before it started");
  if (finished_) co_return Result<void>();
  if (answer_left_.value_or(0) > 0 && !bodiless_) {
    failed_ = true;
    co_return fail(ErrorKind::internal, "an answer's body is shorter than announced");
  }
  if (chunked_ && !bodiless_) {
    Transport::Buffers const buffers{buffer_of("0\r\n\r\n")};
    auto const error = co_await wire_.write(buffers, options_.stall_max);
    if (error) {
      failed_ = true;
      co_return broken(error, "answer");
    }
  }
  finished_ = true;
  co_return Result<void>();
}

asio::awaitable<void> Exchange::peer_gone() {
  // Whatever arrives meanwhile is a pipelined request: it waits in the wire. A peer that sends more than that is cut.
  while (!wire_.closed()) {
    auto const error = co_await wire_.fill();
    if (error) co_return;
    if (wire_.ahead().size() > pipelined_max) co_return;
  }
}

}  // namespace hubd::httpd
