// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/transport.h"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <utility>

#include "core/net/async.h"

namespace hubd::httpd {
namespace {

using Socket = asio::generic::stream_protocol::socket;
using boost::system::error_code;

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<error_code> handshake() override { co_return error_code(); }

  asio::awaitable<Moved> read_some(std::span<std::byte> out) override {
    auto const buffer = asio::buffer(out.data(), out.size());
    auto [error, count] = co_await socket_.async_read_some(buffer, net::nothrow);
    Moved const moved{error, count};
    co_return moved;
  }

  asio::awaitable<Moved> write_some(Buffers buffers) override {
    auto [error, count] = co_await socket_.async_write_some(buffers, net::nothrow);
    Moved const moved{error, count};
    co_return moved;
  }

  asio::awaitable<void> end_writing() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    co_return;
  }

  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
};

class TlsIdentityFiles final : public TlsIdentity {
 public:
  asio::ssl::context context{asio::ssl::context::tls_server};
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(Socket socket, std::shared_ptr<TlsIdentityFiles> identity)
      : identity_(std::move(identity)), stream_(std::move(socket), identity_->context) {}

  asio::awaitable<error_code> handshake() override {
    auto const side = asio::ssl::stream_base::server;
    auto [error] = co_await stream_.async_handshake(side, net::nothrow);
    co_return error;
  }

  asio::awaitable<Moved> read_some(std::span<std::byte> out) override {
    auto const buffer = asio::buffer(out.data(), out.size());
    auto [error, count] = co_await stream_.async_read_some(buffer, net::nothrow);
    if (error == asio::ssl::error::stream_truncated) error = asio::error::eof;
    Moved const moved{error, count};
    co_return moved;
  }

  asio::awaitable<Moved> write_some(Buffers buffers) override {
    auto [error, count] = co_await stream_.async_write_some(buffers, net::nothrow);
    Moved const moved{error, count};
    co_return moved;
  }

  asio::awaitable<void> end_writing() override {
    // Waits for the peer's close_notify as well; the caller's watchdog bounds it.
    auto [ignored] = co_await stream_.async_shutdown(net::nothrow);
    (void)ignored;
    error_code also_ignored;
    stream_.lowest_layer().shutdown(Socket::shutdown_send, also_ignored);
  }

  void close() override {
    error_code ignored;
    stream_.lowest_layer().close(ignored);
  }

 private:
  std::shared_ptr<TlsIdentityFiles> identity_;  // shared by all connections of a listener
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

Result<std::shared_ptr<TlsIdentity>> load_tls_identity(std::string const& certificate, std::string const& key) {
  auto identity = std::make_shared<TlsIdentityFiles>();
  auto& context = identity->context;
  error_code error;
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                          asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                      error);
  context.use_certificate_chain_file(certificate, error);
  if (error)
    return fail(ErrorKind::bad_request, "TLS certificate " + certificate + " cannot be used: " + error.message());
  context.use_private_key_file(key, asio::ssl::context::pem, error);
  if (error) return fail(ErrorKind::bad_request, "TLS key " + key + " cannot be used: " + error.message());
  return std::shared_ptr<TlsIdentity>(std::move(identity));
}

std::unique_ptr<Transport> make_transport(asio::any_io_executor executor, int family, int descriptor,
                                          std::shared_ptr<TlsIdentity> identity) {
  Socket socket(std::move(executor), asio::generic::stream_protocol(family, 0), descriptor);
  if (!identity) return std::make_unique<PlainTransport>(std::move(socket));
  auto files = std::static_pointer_cast<TlsIdentityFiles>(std::move(identity));
  return std::make_unique<TlsTransport>(std::move(socket), std::move(files));
}

}  // namespace hubd::httpd
