// SPDX-License-Identifier: Apache-2.0
#include "core/http/url.h"

#include <algorithm>
#include <boost/url.hpp>
#include <boost/url/src.hpp>  // the one translation unit that holds Boost.URL's code
#include <cctype>
#include <charconv>

namespace hubd::http {
namespace {

namespace urls = boost::urls;

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' ||
         c == '~';
}

/// What a decoded host may hold: it is written into header lines.
bool is_host_char(char c, bool ipv6) { return (is_unreserved(c) && c != '~') || (ipv6 && c == ':'); }

std::string encode(std::string_view text, std::string_view kept) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (char const c : text) {
    if (is_unreserved(c) || kept.find(c) != std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    auto const value = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[value >> 4U]);
    out.push_back(kDigits[value & 15U]);
  }
  return out;
}

Error bad(std::string_view url, std::string_view why) {
  return fail(ErrorKind::bad_request, "URL " + without_query(url) + " is not usable: " + std::string(why));
}

/// Servers send blanks and other characters in Location that RFC 3986 does not allow; browsers encode them.
std::string tolerant(std::string_view text) {
  return encode(text, ":/?#[]@!$&'()*+,;=%");
}

}  // namespace

std::string Origin::authority() const {
  auto const name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

std::string Origin::host_header() const {
  auto const own = tls() ? 443 : 80;
  auto text = authority();
  if (port == own) text.resize(text.rfind(':'));
  return text;
}

Result<Url> parse_url(std::string_view text) {
  auto const encoded = tolerant(text);
  auto const parsed = urls::parse_uri(encoded);
  if (!parsed) return bad(text, "it is not an absolute URL");
  auto const& view = parsed.value();
  Url url;
  url.origin.scheme = std::string(view.scheme());
  std::transform(url.origin.scheme.begin(), url.origin.scheme.end(), url.origin.scheme.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (url.origin.scheme != "http" && url.origin.scheme != "https") return bad(text, "only http and https are known");
  url.origin.host = view.host_address();
  std::transform(url.origin.host.begin(), url.origin.host.end(), url.origin.host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (url.origin.host.empty()) return bad(text, "it has no host");
  bool const ipv6 = view.host_type() == urls::host_type::ipv6;
  if (!std::all_of(url.origin.host.begin(), url.origin.host.end(), [ipv6](char c) { return is_host_char(c, ipv6); }))
    return bad(text, "its host has characters that no host name has");
  url.origin.port = url.origin.tls() ? 443 : 80;
  if (view.has_port() && !view.port().empty()) {
    std::string const digits = view.port();  // Boost.URL's own port_number() wraps around
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.origin.port);
    if (error != std::errc() || end != digits.data() + digits.size() || url.origin.port == 0)
      return bad(text, "its port is not a number from 1 to 65535");
  }
  if (view.has_userinfo()) url.userinfo = view.userinfo();
  url.target = std::string(view.encoded_path());
  // Boost.URL reads "http://h:12ab" as port 12 and path "ab".
  if (!url.target.empty() && url.target.front() != '/') return bad(text, "something stands between its port and its path");
  if (url.target.empty()) url.target = "/";
  if (view.has_query()) url.target += "?" + std::string(view.encoded_query());
  return url;
}

Result<std::string> resolve_reference(std::string_view base, std::string_view location) {
  auto const base_text = tolerant(base);
  auto const reference_text = tolerant(location);
  auto const from = urls::parse_uri(base_text);
  auto const reference = urls::parse_uri_reference(reference_text);
  if (!from || !reference) return bad(location, "it is not a URL");
  urls::url target;
  auto const resolved = urls::resolve(from.value(), reference.value(), target);
  if (!resolved) return bad(location, "it cannot be resolved");
  target.remove_fragment();
  return std::string(target.buffer().data(), target.buffer().size());
}

std::string encode_segment(std::string_view text) { return encode(text, ""); }
std::string encode_path(std::string_view text) { return encode(text, "/"); }

std::string encode_query(std::vector<std::pair<std::string, std::string>> const& fields) {
  std::string out;
  for (auto const& [name, value] : fields) {
    if (!out.empty()) out.push_back('&');
    out += encode_segment(name) + "=" + encode_segment(value);
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  if (query.empty()) return fields;
  auto const parsed = urls::parse_query(urls::string_view(query.data(), query.size()));
  if (!parsed) return fail(ErrorKind::bad_request, "a query is not percent-encoded as it must be");
  for (auto const& field : urls::params_encoded_view(*parsed)) {
    urls::decode_view const name(field.key);
    urls::decode_view const value(field.value);
    fields.emplace_back(std::string(name.begin(), name.end()), std::string(value.begin(), value.end()));
  }
  return fields;
}

std::string without_query(std::string_view url) { return std::string(url.substr(0, url.find_first_of("?#"))); }

}  // namespace hubd::http
