// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/this_coro.hpp>
#include <list>
#include <map>

#include "core/base/clock.h"
#include "core/httpd/acceptor.h"
#include "core/httpd/connection.h"
#include "core/httpd/transport.h"
#include "core/net/task_group.h"

namespace hubd::httpd {
namespace {

class ServerImpl final : public Server {
 public:
  ServerImpl(asio::any_io_executor executor, int listener, Options options, Handler handler, Log& log,
             std::shared_ptr<TlsIdentity> identity)
      : executor_(executor),
        options_(std::move(options)),
        handler_(std::move(handler)),
        log_(log),
        identity_(std::move(identity)),
        acceptor_(executor, listener, log),
        tasks_(executor, [&log](std::exception_ptr) { log.error("a connection of the HTTP server ended by an exception"); }) {
    auto take = [this](int family, int descriptor, Peer peer) { admit(family, descriptor, std::move(peer)); };
    tasks_.spawn("http accept", acceptor_.run(std::move(take)));
  }

  void stop_accepting() override { acceptor_.close(); }

  asio::awaitable<void> stop() override {
    stopping_ = true;
    acceptor_.close();
    for (auto& link : links_) link.wire.close();
    tasks_.cancel();
    auto joining = tasks_.join();
    co_await std::move(joining);
  }

  std::size_t connections() const override { return links_.size(); }

 private:
  struct Link {
    Link(asio::any_io_executor executor, std::unique_ptr<Transport> transport, Clock const& clock, Peer p)
        : wire(std::move(executor), std::move(transport), clock), peer(std::move(p)) {}
    Wire wire;
    Peer peer;
  };

  void admit(int family, int descriptor, Peer peer) {
    std::size_t* const of_uid = peer.credentials ? &per_uid_[peer.credentials->uid] : nullptr;
    bool const full = links_.size() >= options_.connections_max ||
                      (of_uid != nullptr && *of_uid >= options_.connections_per_uid_max);
    if (stopping_ || full || (options_.admit && !options_.admit(peer))) {
      if (full) log_.warning("a connection from " + peer.address + " was closed: too many are open");
      if (of_uid != nullptr && *of_uid == 0) per_uid_.erase(peer.credentials->uid);
      ::close(descriptor);
      return;
    }
    if (of_uid != nullptr) ++*of_uid;
    auto transport = make_transport(executor_, family, descriptor, identity_);
    links_.emplace_back(executor_, std::move(transport), clock_, std::move(peer));
    tasks_.spawn("http connection", serve(std::prev(links_.end())));
  }

  asio::awaitable<void> serve(std::list<Link>::iterator link) {
    auto const off = asio::this_coro::throw_if_cancelled(false);
    co_await off;
    auto serving = serve_connection(link->wire, link->peer, options_, handler_, clock_, log_);
    co_await std::move(serving);
    if (link->peer.credentials) {
      auto const found = per_uid_.find(link->peer.credentials->uid);
      if (--found->second == 0) per_uid_.erase(found);
    }
    links_.erase(link);
  }

  asio::any_io_executor executor_;
  Options options_;
  Handler handler_;
  Log& log_;
  SystemClock clock_;
  std::shared_ptr<TlsIdentity> identity_;  // shared with every connection
  std::list<Link> links_;
  std::map<uid_t, std::size_t> per_uid_;
  bool stopping_ = false;
  Acceptor acceptor_;
  net::TaskGroup tasks_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(asio::any_io_executor executor, int listener, Options options,
                                              Handler handler, Log& log) {
  std::shared_ptr<TlsIdentity> identity;
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    ::close(listener);
    return fail(ErrorKind::bad_request, "a TLS listener needs both a certificate and a key");
  }
  if (!options.tls_certificate.empty()) {
    auto loaded = load_tls_identity(options.tls_certificate, options.tls_key);
    if (!loaded) {
      ::close(listener);
      return loaded.error();
    }
    identity = std::move(*loaded);
  }
  std::unique_ptr<Server> server = std::make_unique<ServerImpl>(std::move(executor), listener, std::move(options),
                                                                std::move(handler), log, std::move(identity));
  return server;
}

}  // namespace hubd::httpd
