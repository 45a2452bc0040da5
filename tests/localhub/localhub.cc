// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/localhub.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <array>
#include <cstdlib>
#include <thread>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "tests/localhub/sample.h"
#include "tests/localhub/service.h"

namespace hubd::localhub {

struct LocalHub::Parts {
  SystemClock clock;
  NullLog log;
  std::filesystem::path temporary;  // removed at the end; empty: the caller's folder
  std::unique_ptr<Service> service;
  asio::io_context context{1};
  std::unique_ptr<httpd::Server> hub;
  std::unique_ptr<httpd::Server> cdn;
  std::unique_ptr<httpd::Server> cas;
  std::unique_ptr<httpd::Server> xorbs;
  std::thread thread;

  ~Parts() {
    if (thread.joinable()) {
      for (auto* server : {hub.get(), cdn.get(), cas.get(), xorbs.get()}) {
        if (server != nullptr) asio::co_spawn(context, server->stop(), asio::use_future).wait();
      }
      context.stop();
      thread.join();
    }
    std::error_code ignored;
    if (!temporary.empty()) std::filesystem::remove_all(temporary, ignored);
  }
};

namespace {

Result<std::filesystem::path> temporary_folder() {
  auto const* base = std::getenv("TMPDIR");
  auto pattern = std::string(base == nullptr ? "/tmp" : base) + "/localhub-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return fail(ErrorKind::io, "localhub: cannot make a folder in " + pattern);
  return std::filesystem::path(pattern);
}

}  // namespace

LocalHub::LocalHub(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LocalHub::~LocalHub() = default;

Result<std::unique_ptr<LocalHub>> LocalHub::start(Options options) {
  auto parts = std::make_unique<Parts>();
  if (options.data.empty()) {
    auto folder = temporary_folder();
    if (!folder) return folder.error();
    parts->temporary = *folder;
    options.data = *folder;
  }
  std::error_code error;
  std::filesystem::create_directories(options.data, error);
  if (error) return fail(ErrorKind::io, "localhub: cannot make the data folder " + options.data.string() + ": " + error.message(), error);

  bool const tls = !options.tls_certificate.empty();
  parts->service = std::make_unique<Service>(parts->clock, options.data, tls);
  auto& service = *parts->service;
  service.with_hub([&](Hub& hub) {
    for (auto const& [name, token] : options.users) hub.world.put_user({name, token, "write"});
    for (auto const& [name, members] : options.orgs) hub.world.put_org(name, members);
  });
  if (options.foreign_cas_url.empty() != options.foreign_cas_data.empty()) {
    return fail(ErrorKind::bad_request, "localhub: another CAS needs both its URL and its data folder");
  }
  service.with_hub([&](Hub& hub) { hub.cas.foreign = options.foreign_cas_data; });
  if (!options.seed.empty()) {
    auto const seeded = service.seed(options.seed);
    if (!seeded) return seeded.error();
  }
  if (options.sample) {
    auto const made = service.with_hub([](Hub& hub) { return add_sample(hub); });
    if (!made) return made.error();
  }

  auto const cdn_address = options.cdn_address.empty() ? options.address : options.cdn_address;
  auto const hub_socket = httpd::listen_loopback(options.address, options.port);
  if (!hub_socket) return hub_socket.error();
  auto const cdn_socket = httpd::listen_loopback(cdn_address, options.cdn_port);
  if (!cdn_socket) return cdn_socket.error();
  auto const cas_socket = httpd::listen_loopback(options.address, options.cas_port);
  if (!cas_socket) return cas_socket.error();
  auto const xorb_socket = httpd::listen_loopback(cdn_address, options.xorb_port);
  if (!xorb_socket) return xorb_socket.error();
  std::string const scheme = tls ? "https://" : "http://";
  service.url = scheme + options.address + ":" + std::to_string(hub_socket->second);
  service.cdn_url = scheme + cdn_address + ":" + std::to_string(cdn_socket->second);
  service.cas_url = options.foreign_cas_url.empty() ? scheme + options.address + ":" + std::to_string(cas_socket->second) : options.foreign_cas_url;
  service.xorb_url = scheme + cdn_address + ":" + std::to_string(xorb_socket->second);
  service.with_hub([&](Hub& hub) {
    hub.cdn_base = service.cdn_url;
    hub.cas.url = service.cas_url;
    hub.cas.xorb_url = service.xorb_url;
  });

  httpd::Options http;
  http.connections_max = 4096;
  http.tls_certificate = options.tls_certificate;
  http.tls_key = options.tls_key;
  auto const serve_hub = [&service](httpd::Request& request, httpd::Responder& responder) { return service.serve_hub(request, responder); };
  auto const serve_cdn = [&service](httpd::Request& request, httpd::Responder& responder) { return service.serve_cdn(request, responder); };
  auto const serve_cas = [&service](httpd::Request& request, httpd::Responder& responder) { return service.serve_cas(request, responder); };
  auto const serve_xorbs = [&service](httpd::Request& request, httpd::Responder& responder) { return service.serve_xorbs(request, responder); };
  auto hub = httpd::Server::start(parts->context.get_executor(), hub_socket->first, http, serve_hub, parts->log);
  if (!hub) return hub.error();
  auto cdn = httpd::Server::start(parts->context.get_executor(), cdn_socket->first, http, serve_cdn, parts->log);
  if (!cdn) return cdn.error();
  auto cas = httpd::Server::start(parts->context.get_executor(), cas_socket->first, http, serve_cas, parts->log);
  if (!cas) return cas.error();
  auto xorbs = httpd::Server::start(parts->context.get_executor(), xorb_socket->first, http, serve_xorbs, parts->log);
  if (!xorbs) return xorbs.error();
  parts->cas = std::move(*cas);
  parts->xorbs = std::move(*xorbs);
  parts->hub = std::move(*hub);
  parts->cdn = std::move(*cdn);
  service.connections = [servers = std::array{parts->hub.get(), parts->cdn.get(), parts->cas.get(), parts->xorbs.get()}] {
    std::size_t sum = 0;
    for (auto const* server : servers) sum += server->connections();
    return sum;
  };
  parts->thread = std::thread([&context = parts->context] {
    auto const work = asio::make_work_guard(context);
    context.run();
  });
  return std::unique_ptr<LocalHub>(new LocalHub(std::move(parts)));
}

std::string LocalHub::url() const { return parts_->service->url; }
std::string LocalHub::cdn_url() const { return parts_->service->cdn_url; }
std::string LocalHub::cas_url() const { return parts_->service->cas_url; }
std::string LocalHub::xorb_url() const { return parts_->service->xorb_url; }
Result<void> LocalHub::seed(std::string_view json) { return parts_->service->seed(json); }
Result<void> LocalHub::add_faults(std::string_view json) { return parts_->service->add_faults(json); }
void LocalHub::clear_faults() { parts_->service->faults.clear(); }
Result<void> LocalHub::set_knobs(std::string_view json) { return parts_->service->set_knobs(json); }
void LocalHub::expire_urls() {
  parts_->service->with_hub([](Hub& hub) { hub.signer.expire_all(); });
}
void LocalHub::expire_tokens() {
  parts_->service->with_hub([](Hub& hub) { hub.cas.tokens.expire_all(); });
}
XorbCounts LocalHub::xorbs() const { return parts_->service->ledger.xorbs({}); }
XorbCounts LocalHub::xorbs(std::string const& client) const { return parts_->service->ledger.xorbs(client); }
Counters LocalHub::counters() const { return parts_->service->ledger.counters(); }
void LocalHub::reset_counters() { parts_->service->ledger.reset(); }
std::vector<RequestLine> LocalHub::requests() const { return parts_->service->ledger.lines(); }

}  // namespace hubd::localhub
