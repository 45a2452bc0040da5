// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics_port.h"

namespace hubd::daemon {
namespace {

constexpr std::size_t connections_max = 16;

asio::awaitable<void> answer(httpd::Request& request, httpd::Responder& responder, std::function<std::string()> const& metrics) {
  int status = 200;
  std::string body;
  if (request.method() != "GET" && request.method() != "HEAD") {
    status = 405;
    body = "only GET is served here\n";
  } else if (request.path() == "/metrics") {
    body = metrics();
  } else if (request.path() == "/healthz") {
    body = "ok\n";
  } else {
    status = 404;
    body = "only /metrics and /healthz are served here; the API is on hubd's Unix sockets\n";
  }
  httpd::Fields fields{{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
  auto const replied = co_await responder.reply(status, std::move(fields), std::move(body));
  (void)replied;  // the peer left: nobody to tell
}

}  // namespace

Result<std::unique_ptr<MetricsPort>> MetricsPort::start(asio::any_io_executor executor, std::string const& address, std::uint16_t port,
                                                        std::function<std::string()> metrics, Log& log) {
  auto const listener = httpd::listen_loopback(address, port);
  if (!listener) return fail(listener.error().kind, "metrics.listen: " + listener.error().what, listener.error().cause);
  httpd::Options options;
  options.connections_max = connections_max;
  options.stall_max = std::chrono::seconds(10);
  auto handler = [metrics = std::move(metrics)](httpd::Request& request, httpd::Responder& responder) { return answer(request, responder, metrics); };
  auto server = httpd::Server::start(std::move(executor), listener->first, options, std::move(handler), log);
  if (!server) return server.error();
  std::unique_ptr<MetricsPort> made(new MetricsPort());
  made->port_ = listener->second;
  made->server_ = std::move(*server);
  return made;
}

}  // namespace hubd::daemon
