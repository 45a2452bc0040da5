// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <memory>

#include "core/base/log.h"
#include "core/engine/routes.h"
#include "core/engine/windowed_http.h"
#include "core/http/pool_client.h"
#include "core/hub/hub_client.h"
#include "core/net/resolver.h"
#include "core/net/timers.h"
#include "daemon/config.h"

namespace hubd::daemon {

/// Counts what goes over the wire to all Hubs and CDNs. On the engine's executor.
class Traffic final : public http::Observer {
 public:
  void request(std::string_view) override { ++requests; }
  void answer(std::string_view, int status, http::Headers const&) override {
    if (status >= 100 && status < 600) ++answers[static_cast<std::size_t>(status / 100 - 1)];
  }
  void received(std::string_view, Bytes count) override { bytes_received += count; }

  std::uint64_t requests = 0;
  std::array<std::uint64_t, 5> answers{};  ///< by class: 1xx to 5xx
  Bytes bytes_received = 0;                ///< of bodies
};

/// The one way out: names, connections, the Hub's calls. On the engine's executor.
class Upstream {
 public:
  /// `timers` and `log` outlive it. Fails: bad_request (proxy, CA file).
  static Result<std::unique_ptr<Upstream>> make(asio::any_io_executor executor, Config const& config,
                                                net::Timers& timers, Log& log);
  Upstream(Upstream const&) = delete;
  Upstream& operator=(Upstream const&) = delete;

  /// Sends nothing into an empty rate-limit window.
  [[nodiscard]] engine::WindowedHttp& http() { return windowed_; }
  [[nodiscard]] hub::HubClient& hub() { return hub_; }
  [[nodiscard]] std::size_t connections() const { return http_->connections(); }
  [[nodiscard]] net::Resolver& resolver() { return *resolver_; }
  [[nodiscard]] Traffic const& traffic() const { return *traffic_; }
  [[nodiscard]] engine::Routes& routes() { return *routes_; }
  /// Applies the live keys.
  void tune(Config const& config);

 private:
  Upstream(std::unique_ptr<net::Resolver> resolver, std::unique_ptr<Traffic> traffic, std::unique_ptr<engine::Routes> routes,
           std::unique_ptr<http::PoolClient> http, net::Timers& timers, Log& log)
      : resolver_(std::move(resolver)), traffic_(std::move(traffic)), routes_(std::move(routes)), http_(std::move(http)), windowed_(*http_, timers, log), hub_(windowed_, timers, log) {}

  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<Traffic> traffic_;
  std::unique_ptr<engine::Routes> routes_;
  std::unique_ptr<http::PoolClient> http_;
  engine::WindowedHttp windowed_;
  hub::HubClient hub_;
};

}  // namespace hubd::daemon
