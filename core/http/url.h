// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace hubd::http {

/// Scheme, host and port: what a connection, a token and a redirect rule belong to. Host is lower case, without brackets.
struct Origin {
  std::string scheme;  ///< "http" or "https"
  std::string host;
  std::uint16_t port = 0;

  [[nodiscard]] bool tls() const { return scheme == "https"; }
  /// "host:port", IPv6 in brackets: for errors and connection keys.
  [[nodiscard]] std::string authority() const;
  /// As the Host header wants it: the port only when it is not the scheme's own.
  [[nodiscard]] std::string host_header() const;
  friend auto operator<=>(Origin const&, Origin const&) = default;
};

struct Url {
  Origin origin;
  std::string target;    ///< path and query, percent-encoded, begins with '/'
  std::string userinfo;  ///< decoded "user:password" (proxies); empty: none
};

/// Parses an absolute http(s) URL. Fails: bad_request.
Result<Url> parse_url(std::string_view text);
/// RFC 3986: `location` as seen from `base`. Fails: bad_request.
Result<std::string> resolve_reference(std::string_view base, std::string_view location);
/// Percent-encodes everything but A-Za-z0-9_.-~ (a revision or one path segment).
std::string encode_segment(std::string_view text);
/// The same, keeping '/'.
std::string encode_path(std::string_view text);
/// "a=b&c=d" with both sides encoded as segments.
std::string encode_query(std::vector<std::pair<std::string, std::string>> const& fields);
/// The decoded fields of a query ("a=b&c=d%2Fe"), in order. Fails: bad_request.
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);
/// The URL without its query, which may carry a signature: for logs and errors.
std::string without_query(std::string_view url);

}  // namespace hubd::http
