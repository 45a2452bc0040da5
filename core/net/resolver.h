// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/net/async.h"

namespace hubd::net {

/// Names to addresses. A seam: tests answer from a table.
class Resolver {
 public:
  virtual ~Resolver() = default;
  /// All A and AAAA addresses, IPv6 and IPv4 interleaved; a literal address is itself. At least one on success.
  /// Fails: unreachable (no such name, no server), stalled (no answer within `limit`), cancelled.
  virtual Async<std::vector<boost::asio::ip::address>> resolve(std::string host, Duration limit) = 0;
};

/// c-ares on `executor` (single-threaded or a strand): cancellable, unlike getaddrinfo. Reads /etc/hosts and
/// /etc/resolv.conf at each lookup, so that a changed network is noticed without a restart.
std::unique_ptr<Resolver> system_resolver(boost::asio::any_io_executor executor);

}  // namespace hubd::net
