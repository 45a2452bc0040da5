// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cctype>

#include "core/base/text.h"
#include "core/http/pool_client.h"

namespace hubd::http {
namespace {

/// "10.0.0.0/8" and "fd00::/8" speak of hosts given as addresses only: no name is looked up for them.
bool is_in_block(std::string const& block, std::string const& host) {
  boost::system::error_code error;
  auto const address = boost::asio::ip::make_address(host, error);
  if (error) return false;
  if (address.is_v4()) {
    auto const network = boost::asio::ip::make_network_v4(block, error);
    return !error && boost::asio::ip::network_v4(address.to_v4(), network.prefix_length()).canonical() == network.canonical();
  }
  auto const network = boost::asio::ip::make_network_v6(block, error);
  return !error && boost::asio::ip::network_v6(address.to_v6(), network.prefix_length()).canonical() == network.canonical();
}

bool entry_matches(std::string entry, std::string const& host, std::uint16_t port) {
  if (entry == "*") return true;
  if (entry.find('/') != std::string::npos) return is_in_block(entry, host);
  auto const colon = entry.rfind(':');
  if (colon != std::string::npos && entry.find(':') == colon) {
    if (entry.substr(colon + 1) != std::to_string(port)) return false;
    entry.resize(colon);
  }
  if (entry.starts_with("*.")) entry.erase(0, 1);
  if (entry.starts_with('.')) return host.ends_with(entry) || host == entry.substr(1);
  return host == entry || host.ends_with("." + entry);
}

}  // namespace

std::string proxy_for(Proxies const& proxies, std::string_view scheme, std::string_view raw_host, std::uint16_t port) {
  auto const& proxy = scheme == "https" ? proxies.https : proxies.http;
  if (proxy.empty()) return {};
  auto const host = lower(raw_host);
  std::string_view rest = proxies.no_proxy;
  while (!rest.empty()) {
    auto const comma = rest.find(',');
    std::string entry;
    for (char const c : rest.substr(0, comma))
      if (c != ' ' && c != '\t' && c != '[' && c != ']') entry.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    if (!entry.empty() && entry_matches(entry, host, port)) return {};
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return proxy;
}

}  // namespace hubd::http
