// SPDX-License-Identifier: Apache-2.0
#include "daemon/upstream.h"

#include "daemon/version.h"

namespace hubd::daemon {
namespace {

http::PoolClient::Options pool_options(Config const& config) {
  http::PoolClient::Options options;
  options.user_agent = std::string("hubd/") + kVersion;
  options.connections_per_host_max = config.connections_per_host;
  options.connections_max = config.connections_total;
  options.ca_file = config.ca_file;
  options.ca_directory = config.ca_directory;
  options.proxies.http = config.http_proxy;
  options.proxies.https = config.https_proxy;
  for (auto const& entry : config.no_proxy)
    options.proxies.no_proxy += (options.proxies.no_proxy.empty() ? "" : ",") + entry;
  options.offline = config.network_mode == NetworkMode::offline;
  return options;
}

}  // namespace

Result<std::unique_ptr<Upstream>> Upstream::make(asio::any_io_executor executor, Config const& config,
                                                 net::Timers& timers, Log& log) {
  auto resolver = net::system_resolver(executor);
  auto traffic = std::make_unique<Traffic>();
  auto routes = std::make_unique<engine::Routes>(timers.clock(), log);
  auto options = pool_options(config);
  options.routes = routes.get();
  auto http = http::PoolClient::make(executor, std::move(options), *resolver, timers.clock(), log, traffic.get());
  if (!http) return http.error();
  return std::unique_ptr<Upstream>(
      new Upstream(std::move(resolver), std::move(traffic), std::move(routes), std::move(*http), timers, log));
}

void Upstream::tune(Config const& config) {
  http_->set_offline(config.network_mode == NetworkMode::offline);
  http_->set_limits(config.connections_per_host, config.connections_total);
}

}  // namespace hubd::daemon
