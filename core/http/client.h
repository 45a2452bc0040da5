// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/secret.h"
#include "core/net/async.h"

namespace hubd::http {

/// Header fields in order; names compare without case.
class Headers {
 public:
  void set(std::string name, std::string value);  ///< replaces all of that name
  void add(std::string name, std::string value);
  /// The first value of that name.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> get_all(std::string_view name) const;
  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// How redirects are treated (hub-files 2.1 and 3).
enum class Redirects : std::uint8_t {
  none,            ///< the 3xx is the answer
  within_origin,   ///< follow while the target stays on the same scheme, host and port
  anywhere,        ///< follow up to redirects_max; the token is dropped for good on a change of origin
};

/// A body that brings less in a minute of waiting for it stands still, whatever arrives.
constexpr Bytes trickle_per_minute = 16_KiB;
/// So few in so long (whole seconds count).
inline bool is_trickle(Bytes count, Duration waited) {
  return count * 60 < trickle_per_minute * static_cast<Bytes>(std::chrono::floor<std::chrono::seconds>(waited).count());
}

/// Stands between an answer that redirects within its origin and the request that follows it.
class Crossing {
 public:
  virtual ~Crossing() = default;
  /// `url` answered so. May wait; a failure is the request's.
  virtual Async<void> cross(std::string const& url, int status, Headers const& answered) = 0;
};

struct Request {
  std::string method = "GET";
  std::string url;  ///< absolute, http or https
  Headers headers;  ///< without Host, Authorization, Content-Length: the client writes those
  Secret token;     ///< sent as a Bearer token to the first origin only; empty: none
  std::string body;
  Redirects redirects = Redirects::anywhere;
  /// An attempt ends with `stalled` when a single step (resolve, connect, TLS, send, first byte, next body byte) makes
  /// no progress for so long, or when the body brings next to nothing while it is waited for (trickle_per_minute).
  Duration progress_deadline = std::chrono::seconds(60);
  /// How long it may wait before it is sent for a rate-limit window that is empty; then it fails with `rate_limited`.
  Duration window_wait_max = std::chrono::minutes(10);
  /// Counted up by that wait, also when the request fails; null or alive until send() returns.
  Duration* window_waited = nullptr;
  /// Asked before each redirect that stays within its origin is followed; null or alive until send() returns.
  Crossing* crossing = nullptr;
};

/// Which of the host's connections a request used, for errors and route scores.
struct Route {
  std::string host;     ///< "cdn.example:443"
  std::string address;  ///< "192.0.2.1:443", or the proxy's; empty before connect
};
/// "cdn.example:443 (192.0.2.1:443)", for errors.
inline std::string describe(Route const& route) { return route.host + (route.address.empty() ? "" : " (" + route.address + ")"); }

/// An answer whose head has arrived. Its body is read once, straight into the caller's buffers. Destroying it early
/// closes the connection (or returns it to the pool when the body was read to its end).
class Response {
 public:
  virtual ~Response() = default;
  [[nodiscard]] virtual int status() const = 0;
  [[nodiscard]] virtual Headers const& headers() const = 0;
  /// The URL that answered, after redirects. May carry a signature: never log it whole.
  [[nodiscard]] virtual std::string const& url() const = 0;
  /// Every redirect answer on the way, oldest first: (url, headers). The Hub's metadata stand on these.
  [[nodiscard]] virtual std::vector<std::pair<std::string, Headers>> const& hops() const = 0;
  [[nodiscard]] virtual Route const& route() const = 0;
  [[nodiscard]] virtual std::string const& request_id() const = 0;  ///< X-Request-Id or X-Amz-Cf-Id; may be empty
  /// Body length when announced.
  [[nodiscard]] virtual std::optional<Bytes> content_length() const = 0;
  /// Reads some body bytes (de-chunked), at most out.size(); 0: the body ended as announced.
  /// Fails: stalled, bad_upstream (cut short: `what` says how many bytes were missing), cancelled.
  virtual Async<std::size_t> read_some(std::span<std::byte> out) = 0;
};

/// One request at a time per call; many calls at once. All on the io executor.
/// Errors carry host and route. Fails: unreachable (DNS, connect, TLS, proxy), stalled, bad_upstream (not HTTP, header
/// too large, redirect loop), offline, cancelled. A status of 4xx or 5xx is an answer, not an error.
class Client {
 public:
  virtual ~Client() = default;
  virtual Async<std::unique_ptr<Response>> send(Request request) = 0;
};

/// Reads the whole body, at most `size_max`. Fails: as read_some; exhausted when longer.
Async<std::string> read_all(Response& response, Bytes size_max);

}  // namespace hubd::http
