// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/log.h"
#include "core/httpd/server.h"

namespace hubd::daemon {

/// /metrics on loopback TCP, for a Prometheus that cannot read a Unix socket. TCP does not say who asks, so that nothing
/// else is served there: no call, no content, no token. On the engine's executor; stop it before destroying it.
class MetricsPort {
 public:
  /// `metrics` makes the text and outlives the object, as the log does. Fails: io, permission_denied (the port is taken or
  /// reserved).
  static Result<std::unique_ptr<MetricsPort>> start(asio::any_io_executor executor, std::string const& address, std::uint16_t port,
                                                    std::function<std::string()> metrics, Log& log);
  asio::awaitable<void> stop() { return server_->stop(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  MetricsPort() = default;
  std::uint16_t port_ = 0;
  std::unique_ptr<httpd::Server> server_;
};

}  // namespace hubd::daemon
