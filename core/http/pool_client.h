// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "core/http/client.h"
#include "core/http/route_book.h"
#include "core/net/resolver.h"

namespace hubd::http {

/// Who wants to know what goes over the wire: counters, rate windows, route scores. Called on the io executor.
class Observer {
 public:
  virtual ~Observer() = default;
  /// A request went out; `host` is "name:port".
  virtual void request(std::string_view host) = 0;
  /// The head of an answer came.
  virtual void answer(std::string_view host, int status, Headers const& headers) = 0;
  /// Body bytes came.
  virtual void received(std::string_view host, Bytes count) = 0;
};

/// Proxies as the usual variables name them; the daemon reads those, not we.
struct Proxies {
  std::string http;      ///< URL for http:// targets; empty: direct
  std::string https;     ///< URL for https:// targets (CONNECT); empty: direct
  std::string no_proxy;  ///< comma separated: hosts, .suffixes, addresses, CIDR blocks, host:port, or *
};
/// The proxy URL for `origin`; empty: direct. Pure.
std::string proxy_for(Proxies const& proxies, std::string_view scheme, std::string_view host, std::uint16_t port);

/// An HTTP/1.1 client with a pool of kept connections per origin.
///
/// Threading: everything on one executor, single-threaded or a strand. Outlives every Response it gave out.
/// Limits: connections per origin and in total; a request waits for a free one (cancellable).
class PoolClient : public Client {
 public:
  struct Options {
    std::string user_agent = "hubd";
    std::size_t connections_per_host_max = 16;
    std::size_t connections_max = 128;
    Duration idle_max = std::chrono::seconds(30);       ///< a kept connection is closed after so long
    Duration connect_max = std::chrono::seconds(10);    ///< per address, before the next one is tried
    Bytes head_max = 64_KiB;
    int redirects_max = 20;
    std::string ca_file;       ///< empty: the system's store
    std::string ca_directory;
    Proxies proxies;
    bool offline = false;
    RouteBook* routes = nullptr;  ///< outlives the client; null: every address is as good as another
  };
  /// `resolver`, `clock`, `log` and `observer` (may be null) outlive the client. Fails: bad_request (CA file, proxy URL).
  static Result<std::unique_ptr<PoolClient>> make(asio::any_io_executor executor, Options options, net::Resolver& resolver,
                                                  Clock const& clock, Log& log, Observer* observer);
  /// While set, no socket is opened: every request fails with `offline`.
  virtual void set_offline(bool offline) = 0;
  virtual void set_limits(std::size_t per_host, std::size_t total) = 0;
  /// Closes idle connections.
  virtual void close_idle() = 0;
  [[nodiscard]] virtual std::size_t connections() const = 0;
};

}  // namespace hubd::http
