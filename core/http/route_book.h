// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "core/http/client.h"

namespace hubd::http {

/// What this host knows of the addresses of servers: which one to try first, and who hears what came of it. On the io executor.
class RouteBook {
 public:
  virtual ~RouteBook() = default;
  /// The addresses ("192.0.2.1:443") of `host` ("cdn.example:443"), the best first.
  virtual std::vector<std::string> order(std::string const& host, std::vector<std::string> addresses) = 0;
  /// A kept connection there had better be closed: nothing came of its address lately, and there is another.
  virtual bool avoid(Route const& route) = 0;
  /// It could not be connected, fell silent or broke.
  virtual void failed(Route const& route) = 0;
};

}  // namespace hubd::http
