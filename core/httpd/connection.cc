// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/connection.h"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "core/httpd/exchange.h"
#include "core/httpd/head.h"

namespace hubd::httpd {
namespace {

constexpr Bytes drain_max = 256_KiB;                     // of a body that the handler did not read
constexpr auto linger_max = std::chrono::seconds(2);     // for the peer to read an answer before the socket closes

struct HeadOutcome {
  std::optional<RequestHead> head;
  int refuse = 0;  // a status; 0 without a head: the peer ended, say nothing
};

/// Reads one head. The whole head has one time limit, so that a byte now and then does not keep a connection.
asio::awaitable<HeadOutcome> read_head(Wire& wire, Options const& options) {
  HeadParser parser(options.head_max);
  HeadOutcome outcome;
  bool begun = !wire.ahead().empty();
  wire.limit(begun ? options.stall_max : options.idle_max);
  while (true) {
    std::size_t consumed = 0;
    auto const fed = parser.feed(wire.ahead(), consumed);
    wire.take(consumed);
    if (fed.kind == HeadParser::Outcome::Kind::ready) {
      outcome.head = parser.take();
      break;
    }
    if (fed.kind == HeadParser::Outcome::Kind::refused) outcome.refuse = fed.status;
    if (wire.ahead().size() > options.head_max) outcome.refuse = 431;
    if (outcome.refuse != 0) break;
    auto const error = co_await wire.fill();
    if (error) break;
    if (!begun) wire.limit(options.stall_max);
    begun = true;
  }
  wire.unlimited();
  co_return outcome;
}

/// Lets the peer read the last answer: closing with unread input would reset the connection under it.
asio::awaitable<void> linger(Wire& wire) {
  if (wire.closed()) co_return;
  wire.limit(linger_max);
  auto ending = wire.end_writing();
  co_await std::move(ending);
  Bytes dropped = 0;
  while (dropped < drain_max) {
    dropped += wire.ahead().size();
    wire.take(wire.ahead().size());
    auto const error = co_await wire.fill();
    if (error) break;
  }
  wire.close();
}

asio::awaitable<void> refuse(Wire& wire, Options const& options, int status) {
  auto const body = std::string(reason_of(status)) + "\n";
  Fields const fields{{"Content-Type", "text/plain"},
                      {"Content-Length", std::to_string(body.size())},
                      {"Connection", "close"}};
  auto const text = format_head(status, fields) + body;
  Transport::Buffers const buffers{asio::const_buffer(text.data(), text.size())};
  auto const error = co_await wire.write(buffers, options.stall_max);
  if (error) co_return;
  auto lingering = linger(wire);
  co_await std::move(lingering);
}

/// Runs the handler; true when it ended by itself, not by an exception.
asio::awaitable<bool> run_handler(Handler const& handler, Exchange& exchange, Log& log) {
  bool ended = false;
  std::string bug;
  try {
    auto handling = handler(exchange, exchange);
    co_await std::move(handling);
    ended = true;
  } catch (boost::system::system_error const& error) {
    if (error.code() != asio::error::operation_aborted) bug = error.what();
  } catch (std::exception const& error) {
    bug = error.what();
  }
  if (!bug.empty()) log.error("a request handler threw: " + bug);
  co_return ended;
}

/// Drops what the handler left unread of a body; false when that is too much, and the connection has to end.
asio::awaitable<bool> drain_body(Exchange& exchange) {
  std::vector<std::byte> scrap(16 * 1024);
  Bytes drained = 0;
  while (!exchange.body_read() && drained < drain_max) {
    auto const count = co_await exchange.read_some(scrap);
    if (!count) co_return false;
    drained += *count;
  }
  co_return exchange.body_read();
}

asio::awaitable<bool> serve_one(Wire& wire, Peer const& peer, Options const& options, Handler const& handler,
                                Clock const& clock, Log& log) {
  auto outcome = co_await read_head(wire, options);
  if (outcome.refuse != 0) {
    auto refusing = refuse(wire, options, outcome.refuse);
    co_await std::move(refusing);
    co_return false;
  }
  if (!outcome.head) co_return false;
  Exchange exchange(wire, peer, options, clock, std::move(*outcome.head));
  bool const ended = co_await run_handler(handler, exchange, log);
  if (wire.closed()) co_return false;
  if (!exchange.started()) {
    std::string body = "Internal Server Error\n";
    Fields fields{{"Content-Type", "text/plain"}};
    auto const replied = co_await exchange.reply(500, std::move(fields), std::move(body));
    if (!replied) co_return false;
  }
  if (!ended || !exchange.finished()) {
    wire.close();  // the peer must see that the answer is not whole
    co_return false;
  }
  if (!exchange.reusable()) {
    auto lingering = linger(wire);
    co_await std::move(lingering);
    co_return false;
  }
  if (exchange.body_read()) co_return true;
  bool const drained = co_await drain_body(exchange);
  co_return drained;
}

}  // namespace

asio::awaitable<void> serve_connection(Wire& wire, Peer const& peer, Options const& options, Handler const& handler,
                                       Clock const& clock, Log& log) {
  wire.limit(options.stall_max);
  auto const error = co_await wire.handshake();
  if (error) {
    log.debug("TLS handshake with " + peer.address + " failed: " + error.message());
    wire.close();
    co_return;
  }
  wire.unlimited();
  bool more = true;
  while (more) {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) break;
    more = co_await serve_one(wire, peer, options, handler, clock, log);
  }
  wire.close();
}

}  // namespace hubd::httpd
