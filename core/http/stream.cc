// SPDX-License-Identifier: Apache-2.0
#include "core/http/stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <tuple>
#include <utility>

#include "core/base/bytes.h"
#include "core/net/async.h"

namespace hubd::http {
namespace {

using boost::system::error_code;
using Tcp = asio::ip::tcp;

/// Closes the socket when an operation outlasts its limit; the operation then fails and reports timed_out.
class Watchdog {
 public:
  explicit Watchdog(Tcp::socket& socket) : state_(std::make_shared<State>(socket)) {}
  ~Watchdog() {
    state_->socket = nullptr;
    state_->timer.cancel();
  }
  Watchdog(Watchdog const&) = delete;
  Watchdog& operator=(Watchdog const&) = delete;

  void arm(Duration limit) {
    auto const round = ++state_->round;
    state_->timer.expires_after(limit);
    state_->timer.async_wait([state = state_, round](error_code error) {
      // A timer that ran out while its operation completed may be in the queue already: its round is over.
      if (error || state->socket == nullptr || state->round != round) return;
      state->fired = true;
      error_code ignored;
      state->socket->close(ignored);
    });
  }
  error_code disarm(error_code error) {
    ++state_->round;
    state_->timer.cancel();
    if (state_->fired) return asio::error::timed_out;
    return error;
  }

 private:
  struct State {
    explicit State(Tcp::socket& s) : timer(s.get_executor()), socket(&s) {}
    asio::steady_timer timer;
    Tcp::socket* socket;  // null once the stream is gone
    unsigned long round = 0;
    bool fired = false;
  };
  std::shared_ptr<State> state_;  // shared with the handler of its timer
};

class PlainStream final : public Stream {
 public:
  explicit PlainStream(Tcp::socket socket) : socket_(std::move(socket)), watchdog_(socket_) {}

  asio::awaitable<Moved> read_some(std::span<std::byte> out, Duration limit) override {
    watchdog_.arm(limit);
    auto const buffer = asio::buffer(out.data(), out.size());
    auto const [error, count] = co_await socket_.async_read_some(buffer, net::nothrow);
    Moved const moved{watchdog_.disarm(error), count};
    co_return moved;
  }
  asio::awaitable<Moved> write(std::span<std::byte const> data, Duration limit) override {
    Moved moved;
    while (!moved.error && moved.count < data.size()) {
      watchdog_.arm(limit);
      auto const buffer = asio::buffer(data.data() + moved.count, data.size() - moved.count);
      auto const [error, count] = co_await socket_.async_write_some(buffer, net::nothrow);
      moved.error = watchdog_.disarm(error);
      moved.count += count;
    }
    co_return moved;
  }
  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }
  bool quiet() override {
    if (!socket_.is_open()) return false;
    pollfd poller{socket_.native_handle(), POLLIN, 0};
    return ::poll(&poller, 1, 0) == 0;  // readable means closed by the peer, or bytes nobody asked for
  }
  Tcp::socket take() { return std::move(socket_); }

 private:
  Tcp::socket socket_;
  Watchdog watchdog_;
};

class Trust final : public TlsTrust {
 public:
  asio::ssl::context context{asio::ssl::context::tls_client};
};

/// OpenSSL's way to a socket of Asio's: never waits, never raises SIGPIPE. A closed socket reads as an error.
BIO_METHOD* socket_bio() {
  static std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> const method = [] {
    auto* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "asio socket");
    BIO_meth_set_read(made, [](BIO* bio, char* out, int size) {
      auto& socket = *static_cast<Tcp::socket*>(BIO_get_data(bio));
      BIO_clear_retry_flags(bio);
      auto const count = ::recv(socket.is_open() ? socket.native_handle() : -1, out, static_cast<std::size_t>(size), MSG_DONTWAIT);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
      return static_cast<int>(count);
    });
    BIO_meth_set_write(made, [](BIO* bio, char const* data, int size) {
      auto& socket = *static_cast<Tcp::socket*>(BIO_get_data(bio));
      BIO_clear_retry_flags(bio);
      auto const count = ::send(socket.is_open() ? socket.native_handle() : -1, data, static_cast<std::size_t>(size),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
      return static_cast<int>(count);
    });
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH ? 1 : 0; });
    return std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)>(made, &BIO_meth_free);
  }();
  return method.get();
}

/// TLS on the descriptor itself, with read-ahead: a tenth of the system calls of asio::ssl::stream, which moves one
/// record at a time through a pair of memory buffers.
class TlsStream final : public Stream {
 public:
  TlsStream(Tcp::socket socket, std::shared_ptr<Trust> trust)
      : trust_(std::move(trust)), socket_(std::move(socket)), watchdog_(socket_),
        ssl_(SSL_new(trust_->context.native_handle()), &SSL_free) {
    auto* const bio = BIO_new(socket_bio());
    BIO_set_data(bio, &socket_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
  }

  asio::awaitable<error_code> handshake(std::string const& host, Duration limit) {
    error_code not_literal;
    (void)asio::ip::make_address(host, not_literal);
    if (not_literal) {
      SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
      SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      SSL_set1_host(ssl_.get(), host.c_str());
    } else {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
    }
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, nullptr);
    watchdog_.arm(limit);
    error_code error;
    while (!error) {
      forget_errors();
      auto const result = SSL_connect(ssl_.get());
      if (result == 1) break;
      error = co_await until_possible(result);
    }
    co_return watchdog_.disarm(error);
  }
  /// Why the certificate was refused; empty when it was not the reason.
  std::string certificate_problem() {
    auto const result = SSL_get_verify_result(ssl_.get());
    if (result == X509_V_OK) return {};
    return X509_verify_cert_error_string(result);
  }

  asio::awaitable<Moved> read_some(std::span<std::byte> out, Duration limit) override {
    Moved moved;
    bool yielded = false;
    watchdog_.arm(limit);
    while (!moved.error) {
      auto const result = read_ready(out.first(std::min(out.size(), kTurn)), moved.count);
      if (moved.count > 0) break;
      moved.error = co_await until_possible(result);
      yielded = true;
    }
    // A fast sender must not keep the io thread for itself, nor from noticing a cancellation.
    if (!yielded && !moved.error) {
      auto const executor = socket_.get_executor();
      std::tuple<> const ignored = co_await asio::post(executor, net::nothrow);
      (void)ignored;
    }
    moved.error = watchdog_.disarm(moved.error);
    co_return moved;
  }
  asio::awaitable<Moved> write(std::span<std::byte const> data, Duration limit) override {
    Moved moved;
    while (!moved.error && moved.count < data.size()) {
      watchdog_.arm(limit);
      forget_errors();
      std::size_t count = 0;
      auto const result = SSL_write_ex(ssl_.get(), data.data() + moved.count, data.size() - moved.count, &count);
      if (result == 1) {
        moved.count += count;
      } else {
        moved.error = co_await until_possible(result);
      }
      moved.error = watchdog_.disarm(moved.error);
    }
    co_return moved;
  }
  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }
  /// Session tickets may lie on an idle connection: OpenSSL takes them off the wire here, and only data or an end counts.
  bool quiet() override {
    if (!socket_.is_open()) return false;
    forget_errors();
    char byte = 0;
    auto const result = SSL_peek(ssl_.get(), &byte, 1);
    return result <= 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
  }

 private:
  static constexpr std::size_t kTurn = 256_KiB;  // at most so much is decrypted before others have their turn

  /// SSL_get_error looks at what earlier calls left behind, also those of other connections.
  static void forget_errors() {
    ERR_clear_error();
    errno = 0;
  }

  /// Decrypts what is there into `out`, adding to `count`; returns OpenSSL's result of the call that gave no more.
  int read_ready(std::span<std::byte> out, std::size_t& count) {
    int result = 1;
    while (result == 1 && count < out.size()) {
      forget_errors();
      std::size_t more = 0;
      result = SSL_read_ex(ssl_.get(), out.data() + count, out.size() - count, &more);
      if (result == 1) count += more;
    }
    return result;
  }

  /// Waits for what OpenSSL needs to go on after `result`; an error when it cannot go on.
  asio::awaitable<error_code> until_possible(int result) {
    auto const system = errno;
    auto const reason = SSL_get_error(ssl_.get(), result);
    if (reason == SSL_ERROR_ZERO_RETURN) co_return asio::error::eof;
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
      auto const direction = reason == SSL_ERROR_WANT_READ ? Tcp::socket::wait_read : Tcp::socket::wait_write;
      auto const [error] = co_await socket_.async_wait(direction, net::nothrow);
      co_return error;
    }
    auto const code = ERR_peek_error();
    if (reason == SSL_ERROR_SSL && code != 0 && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
      co_return error_code(static_cast<int>(code), asio::error::get_ssl_category());
    if (reason == SSL_ERROR_SYSCALL && system != 0) co_return error_code(system, boost::system::system_category());
    co_return asio::error::eof;
  }

  std::shared_ptr<Trust> trust_;  // shared by all TLS connections of a client
  Tcp::socket socket_;
  Watchdog watchdog_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;  // reads and writes through socket_
};

}  // namespace

Result<std::shared_ptr<TlsTrust>> load_trust(std::string const& ca_file, std::string const& ca_directory) {
  auto trust = std::make_shared<Trust>();
  error_code error;
  trust->context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                                 asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                             error);
  auto* const native = trust->context.native_handle();
  SSL_CTX_set_read_ahead(native, 1);
  SSL_CTX_set_default_read_buffer_len(native, 256_KiB);
  SSL_CTX_set_mode(native, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A system without a store is found out by the first handshake, in its own words.
  if (ca_file.empty() && ca_directory.empty()) trust->context.set_default_verify_paths(error);
  if (!ca_file.empty()) {
    trust->context.load_verify_file(ca_file, error);
    if (error) return fail(ErrorKind::bad_request, "CA file " + ca_file + " cannot be used: " + error.message(), error);
  }
  if (!ca_directory.empty()) {
    trust->context.add_verify_path(ca_directory, error);
    if (error) return fail(ErrorKind::bad_request, "CA folder " + ca_directory + " cannot be used: " + error.message(), error);
  }
  return std::shared_ptr<TlsTrust>(std::move(trust));
}

asio::awaitable<Connected> connect_plain(asio::any_io_executor executor, asio::ip::address address, std::uint16_t port,
                                         Duration limit) {
  Tcp::socket socket(executor);
  Connected connected;
  {
    Watchdog watchdog(socket);
    watchdog.arm(limit);
    Tcp::endpoint const endpoint(address, port);
    auto const [error] = co_await socket.async_connect(endpoint, net::nothrow);
    connected.error = watchdog.disarm(error);
  }
  if (!connected.error) {
    error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    connected.stream = std::make_unique<PlainStream>(std::move(socket));
  }
  co_return connected;
}

asio::awaitable<Connected> start_tls(std::unique_ptr<Stream> plain, std::string host, std::shared_ptr<TlsTrust> trust,
                                     Duration limit) {
  auto socket = static_cast<PlainStream&>(*plain).take();
  plain.reset();
  auto stream = std::make_unique<TlsStream>(std::move(socket), std::static_pointer_cast<Trust>(std::move(trust)));
  Connected connected;
  connected.error = co_await stream->handshake(host, limit);
  if (connected.error) {
    auto const problem = stream->certificate_problem();
    if (!problem.empty()) connected.why = "its certificate is not trusted: " + problem;
  } else {
    connected.stream = std::move(stream);
  }
  co_return connected;
}

}  // namespace hubd::http
