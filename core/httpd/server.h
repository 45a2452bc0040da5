// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/net/async.h"

namespace hubd::httpd {

/// Who is on the other end of a connection.
struct Peer {
  std::optional<ucred> credentials;  ///< Unix sockets only: pid, uid, gid at connect()
  std::string address;               ///< "127.0.0.1:4242", or "unix"
};

/// A request whose head has arrived. The body is read on demand.
class Request {
 public:
  virtual ~Request() = default;
  [[nodiscard]] virtual std::string_view method() const = 0;
  [[nodiscard]] virtual std::string_view target() const = 0;  ///< path and query, as sent
  [[nodiscard]] virtual std::string_view path() const = 0;    ///< target without query, not decoded
  [[nodiscard]] virtual std::string_view query() const = 0;   ///< without '?'
  /// First value of a header, any case; empty when absent.
  [[nodiscard]] virtual std::string_view header(std::string_view name) const = 0;
  [[nodiscard]] virtual Peer const& peer() const = 0;
  /// Some body bytes, 0 at its end. Fails: bad_request (malformed), stalled, cancelled (peer went away).
  virtual Async<std::size_t> read_some(std::span<std::byte> out) = 0;
  /// The whole body. Fails: exhausted when longer than `size_max`; as read_some.
  virtual Async<std::string> read_all(Bytes size_max) = 0;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

/// The answer, written by the handler: either one reply(), or start() then any number of write() then finish().
/// Writes wait for the peer, so a slow reader holds back the handler, not memory.
class Responder {
 public:
  virtual ~Responder() = default;
  /// Sends a whole answer. Content-Length is added. Fails: cancelled, stalled.
  virtual Async<void> reply(int status, Fields fields, std::string body) = 0;
  /// Sends the head. Without a length the body is chunked. For HEAD requests body bytes are dropped.
  virtual Async<void> start(int status, Fields fields, std::optional<Bytes> length) = 0;
  virtual Async<void> write(std::span<std::byte const> data) = 0;
  virtual Async<void> finish() = 0;
  /// Drops the connection at once, mid-answer (for faults and for errors after the head).
  virtual void abort() = 0;
  /// True once the head went out.
  [[nodiscard]] virtual bool started() const = 0;
  /// Resumes when the peer closed its end or the connection broke; for streams that wait with nothing to send.
  virtual asio::awaitable<void> peer_gone() = 0;
};

/// Called once per request, many at a time. A handler that returns without answering gives 500.
using Handler = std::function<asio::awaitable<void>(Request&, Responder&)>;

struct Options {
  Bytes head_max = 64_KiB;
  std::size_t connections_max = 1024;
  std::size_t connections_per_uid_max = 256;  ///< Unix sockets; further ones are closed at once
  Duration idle_max = std::chrono::seconds(120);   ///< keep-alive without a request
  Duration stall_max = std::chrono::seconds(60);   ///< a peer that neither reads nor sends mid-request
  /// PEM paths; both or none. With them the listener speaks TLS.
  std::string tls_certificate;
  std::string tls_key;
  /// False refuses a connection right after accept (identity policy).
  std::function<bool(Peer const&)> admit;
};

/// An HTTP/1.1 server on listening sockets that somebody else made (bound by us, or handed over by systemd).
/// All on one executor, single-threaded or a strand. Stop it before destroying it.
class Server {
 public:
  /// `listener` is a listening TCP or Unix stream socket; the server owns and closes it.
  static Result<std::unique_ptr<Server>> start(asio::any_io_executor executor, int listener, Options options,
                                               Handler handler, Log& log);
  virtual ~Server() = default;
  /// Refuses new connections; those that are open go on.
  virtual void stop_accepting() = 0;
  /// Stops accepting, cancels every handler and waits for them.
  virtual asio::awaitable<void> stop() = 0;
  [[nodiscard]] virtual std::size_t connections() const = 0;
};

/// Binds and listens on 127.0.0.1 (or another loopback address); port 0 picks one. Returns (descriptor, port).
Result<std::pair<int, std::uint16_t>> listen_loopback(std::string const& address, std::uint16_t port);
/// Binds and listens on a Unix socket path, removing a dead one first; `mode` is set before listening.
/// Fails: busy when a live server answers there, io, permission_denied.
Result<int> listen_unix(std::string const& path, mode_t mode);

}  // namespace hubd::httpd
