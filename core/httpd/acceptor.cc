// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <cerrno>
#include <cstring>

#include "core/net/async.h"

namespace hubd::httpd {
namespace {

constexpr auto pause_when_exhausted = std::chrono::milliseconds(100);
constexpr int accepts_per_turn = 64;  // then others on this executor get their turn

std::string address_text(sockaddr_storage const& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    auto const& in = reinterpret_cast<sockaddr_in const&>(address);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return std::string(text) + ':' + std::to_string(ntohs(in.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    auto const& in = reinterpret_cast<sockaddr_in6 const&>(address);
    inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    return '[' + std::string(text) + "]:" + std::to_string(ntohs(in.sin6_port));
  }
  return "unix";
}

Peer describe_peer(int descriptor, sockaddr_storage const& address) {
  Peer peer;
  peer.address = address_text(address);
  if (address.ss_family == AF_UNIX) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) peer.credentials = credentials;
  } else {
    int const on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return peer;
}

}  // namespace

Acceptor::Acceptor(asio::any_io_executor executor, int listener, Log& log)
    : listener_(std::move(executor), listener), log_(log) {
  fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
}

void Acceptor::close() {
  boost::system::error_code ignored;
  listener_.close(ignored);
}

asio::awaitable<void> Acceptor::run(std::function<void(int, int, Peer)> take) {
  auto const off = asio::this_coro::throw_if_cancelled(false);
  co_await off;
  auto const executor = co_await asio::this_coro::executor;
  auto const readable = asio::posix::stream_descriptor::wait_read;
  while (listener_.is_open()) {
    auto [error] = co_await listener_.async_wait(readable, net::nothrow);
    auto const state = co_await asio::this_coro::cancellation_state;
    if (error || state.cancelled() != asio::cancellation_type::none) co_return;
    for (int turn = 0; turn < accepts_per_turn && listener_.is_open(); ++turn) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      int const descriptor = accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                                     SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (descriptor >= 0) {
        if (size <= offsetof(sockaddr_storage, ss_family)) address.ss_family = AF_UNIX;
        take(address.ss_family, descriptor, describe_peer(descriptor, address));
        continue;
      }
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        log_.warning(std::string("accepting connections pauses: ") + std::strerror(errno));
        asio::steady_timer timer(executor, pause_when_exhausted);
        auto [timer_error] = co_await timer.async_wait(net::nothrow);
        (void)timer_error;
      }
      break;
    }
  }
}

}  // namespace hubd::httpd
