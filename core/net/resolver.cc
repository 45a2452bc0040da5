// SPDX-License-Identifier: Apache-2.0
#include "core/net/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <mutex>

namespace hubd::net {
namespace {

using Descriptor = asio::posix::stream_descriptor;

void library_init() {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

/// One lookup: a c-ares channel whose sockets are watched by Asio. Shared with the handlers of its watches.
class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  explicit Lookup(asio::any_io_executor executor) : executor_(executor), tick_(executor), done_(executor) {
    done_.expires_at(asio::steady_timer::time_point::max());
  }
  ~Lookup() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }
  Lookup(Lookup const&) = delete;
  Lookup& operator=(Lookup const&) = delete;

  bool start(std::string const& host) {
    ares_options options{};
    options.timeout = 2000;  // ms per try
    options.tries = 3;
    options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
      static_cast<Lookup*>(self)->watch(socket, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    if (ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
      return false;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(
        channel_, host.c_str(), nullptr, &hints,
        [](void* self, int status, int, ares_addrinfo* found) { static_cast<Lookup*>(self)->finish(status, found); }, this);
    arm();
    return true;
  }

  /// Ends the lookup; its callback comes with ARES_ECANCELLED.
  void cancel() {
    if (channel_ != nullptr && !finished_) ares_cancel(channel_);
    tick_.cancel();
    for (auto& [socket, watched] : sockets_) watched.descriptor.cancel();
  }

  asio::steady_timer& done() { return done_; }
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] int status() const { return status_; }
  std::vector<asio::ip::address> v4;
  std::vector<asio::ip::address> v6;

 private:
  struct Watched {
    Descriptor descriptor;
    bool readable = false;
    bool writable = false;
    bool reading = false;
    bool writing = false;
  };

  void watch(ares_socket_t socket, bool readable, bool writable) {
    if (!readable && !writable) {
      auto const found = sockets_.find(socket);
      if (found == sockets_.end()) return;
      found->second.descriptor.release();  // c-ares owns and closes the socket
      sockets_.erase(found);
      return;
    }
    auto [entry, fresh] = sockets_.try_emplace(socket, Watched{Descriptor(executor_)});
    if (fresh) entry->second.descriptor.assign(socket);
    entry->second.readable = readable;
    entry->second.writable = writable;
    rearm(socket);
  }

  void rearm(ares_socket_t socket) {
    auto const found = sockets_.find(socket);
    if (found == sockets_.end() || finished_) return;
    auto& watched = found->second;
    if (watched.readable && !watched.reading) {
      watched.reading = true;
      watched.descriptor.async_wait(Descriptor::wait_read, [self = shared_from_this(), socket](boost::system::error_code error) {
        self->ready(socket, true, error);
      });
    }
    if (watched.writable && !watched.writing) {
      watched.writing = true;
      watched.descriptor.async_wait(Descriptor::wait_write, [self = shared_from_this(), socket](boost::system::error_code error) {
        self->ready(socket, false, error);
      });
    }
  }

  void ready(ares_socket_t socket, bool reading, boost::system::error_code error) {
    auto const found = sockets_.find(socket);
    if (found == sockets_.end()) return;
    (reading ? found->second.reading : found->second.writing) = false;
    if (error || finished_) return;
    ares_process_fd(channel_, reading ? socket : ARES_SOCKET_BAD, reading ? ARES_SOCKET_BAD : socket);
    rearm(socket);
  }

  /// c-ares counts its own timeouts; it must be asked now and then.
  void arm() {
    if (finished_) return;
    tick_.expires_after(std::chrono::milliseconds(250));
    tick_.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (error || self->finished_) return;
      ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      self->arm();
    });
  }

  void finish(int status, ares_addrinfo* found) {
    finished_ = true;
    status_ = status;
    for (auto const* node = found == nullptr ? nullptr : found->nodes; node != nullptr; node = node->ai_next) {
      if (node->ai_family == AF_INET) {
        auto const* address = reinterpret_cast<sockaddr_in const*>(node->ai_addr);
        v4.emplace_back(asio::ip::address_v4(ntohl(address->sin_addr.s_addr)));
      } else if (node->ai_family == AF_INET6) {
        auto const* address = reinterpret_cast<sockaddr_in6 const*>(node->ai_addr);
        asio::ip::address_v6::bytes_type bytes;
        std::copy(std::begin(address->sin6_addr.s6_addr), std::end(address->sin6_addr.s6_addr), bytes.begin());
        v6.emplace_back(asio::ip::address_v6(bytes, address->sin6_scope_id));
      }
    }
    if (found != nullptr) ares_freeaddrinfo(found);
    tick_.cancel();
    done_.cancel();
  }

  asio::any_io_executor executor_;
  asio::steady_timer tick_;
  asio::steady_timer done_;  // never expires: finish() cancels it
  ares_channel channel_ = nullptr;
  std::map<ares_socket_t, Watched> sockets_;
  bool finished_ = false;
  int status_ = ARES_SUCCESS;
};

class CaresResolver final : public Resolver {
 public:
  explicit CaresResolver(asio::any_io_executor executor) : executor_(std::move(executor)) { library_init(); }

  Async<std::vector<asio::ip::address>> resolve(std::string host, Duration limit) override {
    boost::system::error_code not_literal;
    auto const literal = asio::ip::make_address(host, not_literal);
    if (!not_literal) co_return std::vector<asio::ip::address>{literal};

    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      co_return fail(ErrorKind::cancelled, "looking up host " + host + " was cancelled");
    auto const lookup = std::make_shared<Lookup>(executor_);
    struct Canceller {  // also when this coroutine is unwound
      std::shared_ptr<Lookup> lookup;
      ~Canceller() { lookup->cancel(); }
    };
    Canceller const canceller{lookup};
    if (!lookup->start(host)) co_return fail(ErrorKind::unreachable, "cannot look up host " + host + ": c-ares did not start");
    if (!lookup->finished()) {
      lookup->done().expires_after(limit);
      auto const [waited] = co_await lookup->done().async_wait(nothrow);
      if (!lookup->finished()) {
        if (waited) co_return fail(ErrorKind::cancelled, "looking up host " + host + " was cancelled");
        co_return fail(ErrorKind::stalled, "no DNS server answered for host " + host + "; check the network and /etc/resolv.conf");
      }
    }
    auto addresses = interleaved(lookup->v6, lookup->v4);
    if (!addresses.empty()) co_return addresses;
    auto const status = lookup->status();
    auto const kind = status == ARES_ETIMEOUT ? ErrorKind::stalled : ErrorKind::unreachable;
    co_return fail(kind, "host " + host + " cannot be resolved: " + ares_strerror(status) +
                             "; check its spelling, the network and /etc/resolv.conf");
  }

 private:
  static std::vector<asio::ip::address> interleaved(std::vector<asio::ip::address> const& a,
                                                    std::vector<asio::ip::address> const& b) {
    std::vector<asio::ip::address> both;
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      if (i < a.size()) both.push_back(a[i]);
      if (i < b.size()) both.push_back(b[i]);
    }
    return both;
  }

  asio::any_io_executor executor_;
};

}  // namespace

std::unique_ptr<Resolver> system_resolver(asio::any_io_executor executor) {
  return std::make_unique<CaresResolver>(std::move(executor));
}

}  // namespace hubd::net
