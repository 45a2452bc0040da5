// SPDX-License-Identifier: Apache-2.0
#include "core/http/pool_client.h"

#include <openssl/evp.h>

#include <map>

#include "core/http/connect_race.h"
#include "core/http/connection.h"
#include "core/http/pool.h"
#include "core/http/url.h"

namespace hubd::http {
namespace {

/// What a server said, fit for a sentence: printable ASCII, and not too much of it.
std::string printable(std::string_view text) {
  constexpr std::size_t kMax = 200;
  std::string out(text.substr(0, kMax));
  for (auto& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

std::string request_id_of(Headers const& headers) {
  for (char const* name : {"X-Request-Id", "X-Amzn-Trace-Id", "X-Amz-Cf-Id"})
    if (auto const value = headers.get(name)) return printable(*value);
  return {};
}

class PooledResponse final : public Response {
 public:
  PooledResponse(Slot slot, std::unique_ptr<Connection> connection, Connection::Head head, std::string url, Duration limit)
      : slot_(std::move(slot)), connection_(std::move(connection)), head_(std::move(head)), url_(std::move(url)),
        limit_(limit), route_(connection_->route()), request_id_(request_id_of(head_.headers)) {}
  ~PooledResponse() override {
    if (connection_) slot_.pool()->give_back(slot_.key(), std::move(connection_));
  }

  int status() const override { return head_.status; }
  Headers const& headers() const override { return head_.headers; }
  std::string const& url() const override { return url_; }
  std::vector<std::pair<std::string, Headers>> const& hops() const override { return hops_; }
  Route const& route() const override { return route_; }
  std::string const& request_id() const override { return request_id_; }
  std::optional<Bytes> content_length() const override { return head_.content_length; }

  Async<std::size_t> read_some(std::span<std::byte> out) override {
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      co_return fail(ErrorKind::cancelled, "reading from " + route_.host + " was cancelled");
    auto const& pool = *slot_.pool();
    auto const begun = pool.clock().now();
    auto count = co_await connection_->read_body(out, limit_);
    if (!count) {
      auto error = count.error();
      error.request_id = request_id_;
      error.http_status = head_.status;
      if (error.kind != ErrorKind::cancelled) failed();
      co_return error;
    }
    if (pool.observer() != nullptr && *count > 0) pool.observer()->received(route_.host, *count);
    reading_ += pool.clock().now() - begun;
    read_ += *count;
    if (reading_ < limit_ || *count == 0) co_return *count;
    if (!connection_->over() && is_trickle(read_, reading_)) co_return trickle();
    reading_ = Duration::zero();
    read_ = 0;
    co_return *count;
  }

  /// From now on a read may take only so long.
  void hurry(Duration limit) { limit_ = std::min(limit_, limit); }

  std::vector<std::pair<std::string, Headers>> hops_;

 private:
  void failed() {
    if (auto* const book = slot_.pool()->options().routes) book->failed(route_);
  }
  Error trickle() {
    failed();
    auto const where = describe(route_);
    auto error = fail(ErrorKind::stalled, where + " sent only " + std::to_string(read_) + " bytes in " +
                                              std::to_string(std::chrono::round<std::chrono::seconds>(reading_).count()) + " s");
    error.host = where;
    error.request_id = request_id_;
    error.http_status = head_.status;
    connection_.reset();  // closed, not kept
    return error;
  }

  Slot slot_;
  std::unique_ptr<Connection> connection_;
  Connection::Head head_;
  std::string url_;
  Duration limit_;
  Route route_;
  std::string request_id_;
  Duration reading_{};  // since it was last looked at, and what came in it
  Bytes read_ = 0;
};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

class PoolClientImpl final : public PoolClient {
 public:
  PoolClientImpl(asio::any_io_executor executor, Options options, std::shared_ptr<TlsTrust> trust, net::Resolver& resolver,
                 Clock const& clock, Observer* observer)
      : executor_(executor), trust_(std::move(trust)), resolver_(resolver), observer_(observer),
        pool_(std::make_shared<Pool>(executor, std::move(options), clock, observer)) {}
  ~PoolClientImpl() override { pool_->close(); }

  void set_offline(bool offline) override {
    pool_->set_offline(offline);
  }
  void set_limits(std::size_t per_host, std::size_t total) override {
    pool_->set_limits(per_host, total);
  }
  void close_idle() override { pool_->close_idle(); }
  std::size_t connections() const override { return pool_->connections(); }

  Async<std::unique_ptr<Response>> send(Request request) override {
    auto const first = parse_url(request.url);
    if (!first) co_return first.error();
    auto const home = first->origin;
    bool trusted = true;  // the token is dropped for good once a redirect left the first origin
    std::vector<std::pair<std::string, Headers>> hops;
    while (true) {
      auto const url = parse_url(request.url);
      if (!url) co_return url.error();
      trusted = trusted && url->origin == home;
      auto answer = co_await send_once(request, *url, trusted);
      if (!answer) co_return answer.error();
      auto& response = static_cast<PooledResponse&>(**answer);
      auto const location = response.headers().get("Location");
      if (request.redirects == Redirects::none || !is_redirect(response.status()) || !location) {
        response.hops_ = std::move(hops);
        co_return std::move(*answer);
      }
      auto const target = resolve_reference(request.url, *location);
      if (!target) {
        co_return upstream(response, "redirects to something that is not a URL");
      }
      auto const next = parse_url(*target);
      if (!next) co_return upstream(response, "redirects to something that is not an http URL");
      if (request.redirects == Redirects::within_origin && next->origin != url->origin) {
        response.hops_ = std::move(hops);
        co_return std::move(*answer);
      }
      if (static_cast<int>(hops.size()) >= options().redirects_max)
        co_return upstream(response, "redirects in circles (" + std::to_string(options().redirects_max) + " times)");
      auto const status = response.status();
      hops.emplace_back(request.url, response.headers());
      if (status == 303 || ((status == 301 || status == 302) && request.method == "POST")) {
        request.method = request.method == "HEAD" ? "HEAD" : "GET";
        request.body.clear();
      }
      request.url = *target;
      auto const drained = co_await drain(response);
      (void)drained;
      if (request.crossing != nullptr && next->origin == url->origin) {
        answer->reset();  // nobody holds a connection while he waits
        auto const crossed = co_await request.crossing->cross(hops.back().first, status, hops.back().second);
        if (!crossed) co_return crossed.error();
      }
    }
  }

 private:
  Options const& options() const { return pool_->options(); }

  static Error upstream(PooledResponse const& response, std::string_view why) {
    auto error = fail(ErrorKind::bad_upstream, response.route().host + " " + std::string(why));
    error.host = response.route().host;
    error.http_status = response.status();
    error.request_id = response.request_id();
    return error;
  }

  /// A short redirect body is read so that the connection can be kept; a long or slow one is not worth it.
  static Async<bool> drain(PooledResponse& response) {
    constexpr int kReadsMax = 16;
    std::array<std::byte, 4096> block;
    response.hurry(std::chrono::seconds(1));
    for (int reads = 0; reads < kReadsMax; ++reads) {
      auto const count = co_await response.read_some(block);
      if (!count) co_return false;
      if (*count == 0) co_return true;
    }
    co_return false;
  }

  Result<void> may_open(Origin const& origin) const {
    if (!options().offline) return {};
    auto error = fail(ErrorKind::offline, "hubd is offline (network.mode), so " + origin.authority() + " was not asked");
    error.host = origin.authority();
    return error;
  }

  Async<std::unique_ptr<Response>> send_once(Request const& request, Url const& url, bool trusted) {
    // Asio starts an operation of a coroutine that was cancelled before, unless the coroutine looks.
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      co_return fail(ErrorKind::cancelled, "asking " + url.origin.authority() + " was cancelled");
    auto const allowed = may_open(url.origin);
    if (!allowed) co_return allowed.error();
    PoolKey key{url.origin, proxy_for(options().proxies, url.origin.scheme, url.origin.host, url.origin.port)};
    auto acquired = co_await pool_->acquire(std::move(key));
    if (!acquired) co_return acquired.error();
    Slot slot = std::move(*acquired);

    auto const bytes = head_of(request, url, trusted, slot.key().proxy) + request.body;
    auto connection = pool_->take_idle(slot.key());
    bool const kept = connection != nullptr;
    bool const repeatable = request.method == "GET" || request.method == "HEAD";
    for (int attempt = 0;; ++attempt) {
      if (!connection) {
        auto opened = co_await open(slot.key(), request.progress_deadline);
        if (!opened) co_return opened.error();
        connection = std::move(*opened);
      }
      if (observer_ != nullptr) observer_->request(connection->route().host);
      auto const sent = co_await connection->send(bytes, request.progress_deadline);
      Result<Connection::Head> head = fail(ErrorKind::internal, "");
      if (sent) {
        bool const no_body = request.method == "HEAD";
        head = co_await connection->read_head(no_body, request.progress_deadline);
      } else {
        head = sent.error();
      }
      if (head) {
        if (observer_ != nullptr) observer_->answer(connection->route().host, head->status, head->headers);
        auto response = std::make_unique<PooledResponse>(std::move(slot), std::move(connection), std::move(*head), request.url,
                                                         request.progress_deadline);
        co_return std::unique_ptr<Response>(std::move(response));
      }
      // A kept connection that the server closed meanwhile says nothing about the request: once more on a new one.
      bool const again = kept && attempt == 0 && repeatable && connection->untouched() && head.error().kind == ErrorKind::unreachable;
      if (!again) {
        if (options().routes != nullptr && head.error().kind != ErrorKind::cancelled) options().routes->failed(connection->route());
        co_return head.error();
      }
      connection.reset();
    }
  }

  std::string head_of(Request const& request, Url const& url, bool trusted, std::string const& proxy) const {
    auto const absolute = !proxy.empty() && !url.origin.tls();
    std::string head = request.method + " " + (absolute ? "http://" + url.origin.host_header() : "") + url.target +
                       " HTTP/1.1\r\nHost: " + url.origin.host_header() + "\r\n";
    if (absolute) head += proxy_authorization(proxy);
    for (auto const& [name, value] : request.headers)
      if (!is_ours(name)) append(head, name, value);
    if (!request.headers.get("User-Agent")) append(head, "User-Agent", options().user_agent);
    if (!request.headers.get("Accept-Encoding")) append(head, "Accept-Encoding", "identity");
    if (!request.headers.get("Accept")) append(head, "Accept", "*/*");
    if (trusted && !request.token.empty()) append(head, "Authorization", "Bearer " + request.token.reveal());
    if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD"))
      append(head, "Content-Length", std::to_string(request.body.size()));
    return head + "\r\n";
  }

  /// Fields that would change whose request this is, or where it ends.
  static bool is_ours(std::string_view name) {
    Headers field;
    field.add(std::string(name), "");
    for (char const* ours : {"Host", "Authorization", "Proxy-Authorization", "Content-Length", "Transfer-Encoding", "Connection"})
      if (field.get(ours)) return true;
    return false;
  }

  /// No name or value can add a field or a request of its own.
  static void append(std::string& head, std::string_view name, std::string_view value) {
    for (char const c : name)
      if (c > 0x20 && c < 0x7f && c != ':') head.push_back(c);
    head += ": ";
    for (char const c : value) head.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
    head += "\r\n";
  }

  static std::string proxy_authorization(std::string const& proxy) {
    auto const url = parse_url(proxy);
    if (!url || url->userinfo.empty()) return {};
    std::string text((url->userinfo.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL adds a NUL
    auto const size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                      reinterpret_cast<unsigned char const*>(url->userinfo.data()),
                                      static_cast<int>(url->userinfo.size()));
    text.resize(static_cast<std::size_t>(size));
    return "Proxy-Authorization: Basic " + text + "\r\n";
  }

  /// Resolves, connects to the first of its addresses that answers, goes through the proxy, speaks TLS.
  Async<std::unique_ptr<Connection>> open(PoolKey const& key, Duration limit) {
    Origin peer = key.origin;
    std::string through;
    if (!key.proxy.empty()) {
      auto const proxy = parse_url(key.proxy);
      if (!proxy) co_return proxy.error();
      peer = proxy->origin;
      through = "proxy " + peer.authority() + " for ";
    }
    auto const addresses = co_await resolver_.resolve(peer.host, limit);
    if (!addresses) {
      auto error = addresses.error();
      if (!through.empty()) error.what = "proxy for " + key.origin.authority() + ": " + error.what;
      error.host = key.origin.authority();
      co_return error;
    }
    auto const allowed = may_open(key.origin);  // it may have changed since the request began
    if (!allowed) co_return allowed.error();
    auto candidates = in_order(peer, key.origin.authority(), *addresses);
    auto const per_address = candidates.size() > 1 ? std::min(options().connect_max, limit) : limit;
    ConnectRace race(executor_, std::move(candidates), peer.port, per_address);
    auto connected = co_await race.run();
    if (connected.error == asio::error::operation_aborted) co_return cancelled(key);
    Route route{key.origin.authority(), ""};
    std::string tried;
    for (auto const& failure : race.failures()) {
      tried += (tried.empty() ? "" : ", ") + failure.text + ": " + failure.error.message();
      route.address = failure.text;
      if (options().routes != nullptr) options().routes->failed(route);
    }
    if (connected.error) {
      bool const late = connected.error == asio::error::timed_out;
      auto error = fail(late ? ErrorKind::stalled : ErrorKind::unreachable,
                        "cannot connect to " + through + key.origin.authority() + " (" + tried + ")", connected.error);
      error.host = key.origin.authority();
      co_return error;
    }
    route.address = race.winner();
    if (!key.origin.tls()) co_return std::make_unique<Connection>(std::move(connected.stream), route, options().head_max);

    if (!key.proxy.empty()) {
      auto tunnelled = co_await tunnel(std::move(connected.stream), key, limit);
      if (!tunnelled) co_return tunnelled.error();
      connected.stream = std::move(*tunnelled);
    }
    connected = co_await start_tls(std::move(connected.stream), key.origin.host, trust_, limit);
    if (connected.error) {
      if (connected.error == asio::error::operation_aborted) co_return cancelled(key);
      if (options().routes != nullptr) options().routes->failed(route);
      bool const late = connected.error == asio::error::timed_out;
      auto const why = connected.why.empty() ? connected.error.message() : connected.why;
      auto error = fail(late ? ErrorKind::stalled : ErrorKind::unreachable,
                        "TLS with " + through + key.origin.authority() + " (" + route.address + ") failed: " + why +
                            (connected.why.empty() ? "" : "; set network.ca_file if a private CA signs it"),
                        connected.error);
      error.host = key.origin.authority();
      co_return error;
    }
    co_return std::make_unique<Connection>(std::move(connected.stream), route, options().head_max);
  }

  std::vector<ConnectRace::Candidate> in_order(Origin const& peer, std::string const& host, std::vector<asio::ip::address> const& addresses) {
    std::vector<std::string> texts;
    std::map<std::string, asio::ip::address> by_text;
    for (auto const& address : addresses) {
      Origin const at{peer.scheme, address.to_string(), peer.port};
      if (by_text.emplace(at.authority(), address).second) texts.push_back(at.authority());
    }
    if (options().routes != nullptr) texts = options().routes->order(host, std::move(texts));
    std::vector<ConnectRace::Candidate> candidates;
    for (auto& text : texts) {
      auto const address = by_text.at(text);
      candidates.push_back({address, std::move(text)});
    }
    return candidates;
  }

  static Error cancelled(PoolKey const& key) {
    return fail(ErrorKind::cancelled, "connecting to " + key.origin.authority() + " was cancelled");
  }

  /// CONNECT through the proxy: the stream then carries the origin's TLS.
  Async<std::unique_ptr<Stream>> tunnel(std::unique_ptr<Stream> stream, PoolKey const& key, Duration limit) {
    auto const target = key.origin.authority();
    auto const text = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n" + proxy_authorization(key.proxy) + "\r\n";
    auto const data = as_bytes(text);
    auto const sent = co_await stream->write(data, limit);
    if (sent.error) co_return not_tunnelled(key, sent.error);
    // Byte by byte up to the blank line, so that nothing of the tunnel is swallowed; it is short.
    std::string answer;
    while (!answer.ends_with("\r\n\r\n")) {
      if (answer.size() > 16_KiB) co_return refused(key, "its answer is too long");
      std::byte one{};
      std::span<std::byte> const space(&one, 1);
      auto const got = co_await stream->read_some(space, limit);
      if (got.error) co_return not_tunnelled(key, got.error);
      answer.push_back(static_cast<char>(one));
    }
    auto const line = answer.substr(0, answer.find("\r\n"));
    if (!line.starts_with("HTTP/1.1 2") && !line.starts_with("HTTP/1.0 2")) co_return refused(key, printable(line));
    co_return std::move(stream);
  }

  static Error not_tunnelled(PoolKey const& key, boost::system::error_code code) {
    if (code == asio::error::operation_aborted) return cancelled(key);
    auto error = refused(key, code == asio::error::timed_out ? "it made no progress" : code.message());
    if (code == asio::error::timed_out) error.kind = ErrorKind::stalled;
    error.cause = code;
    return error;
  }

  static Error refused(PoolKey const& key, std::string const& why) {
    auto const proxy = parse_url(key.proxy);
    auto const name = proxy ? proxy->origin.authority() : std::string("the proxy");
    auto error = fail(ErrorKind::unreachable, "proxy " + name + " does not let through to " + key.origin.authority() + ": " + why);
    error.host = key.origin.authority();
    return error;
  }

  asio::any_io_executor executor_;
  std::shared_ptr<TlsTrust> trust_;  // shared by all connections
  net::Resolver& resolver_;
  Observer* observer_;
  std::shared_ptr<Pool> pool_;  // shared with responses
};

}  // namespace

Result<std::unique_ptr<PoolClient>> PoolClient::make(asio::any_io_executor executor, Options options, net::Resolver& resolver,
                                                     Clock const& clock, Log& log, Observer* observer) {
  if (options.ca_file.empty() && !options.ca_directory.empty()) log.debug("trusting the certificates in " + options.ca_directory);
  for (auto* const proxy : {&options.proxies.http, &options.proxies.https}) {
    if (proxy->empty()) continue;
    if (proxy->find("://") == std::string::npos) proxy->insert(0, "http://");  // as other programs read the variables
    auto const url = parse_url(*proxy);
    if (!url || url->origin.tls())
      return fail(ErrorKind::bad_request, std::string("the proxy for ") + (proxy == &options.proxies.http ? "http" : "https") +
                                              " addresses is not usable: its URL must look like http://host:port");
  }
  auto trust = load_trust(options.ca_file, options.ca_directory);
  if (!trust) return trust.error();
  return std::unique_ptr<PoolClient>(std::make_unique<PoolClientImpl>(std::move(executor), std::move(options), std::move(*trust),
                                                                      resolver, clock, observer));
}

}  // namespace hubd::http
