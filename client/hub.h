// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "caller.h"

namespace hubd::client {

/// One read of the Hub's REST surface, made by hubd: equal questions of equal tokens are one request.
struct HubQuestion {
  Caller caller;
  std::string method;  ///< "" or "GET" below /api/, "HEAD", or "POST" of paths-info
  std::string path;    ///< "/api/models/org/name", percent-encoded, below the endpoint
  std::string query;   ///< "expand=a&expand=b", percent-encoded, without '?'
  std::string body;    ///< JSON; POST only
  /// How old an answer from hubd's memory may be; absent: what the operator allows; zero: none.
  std::optional<std::chrono::milliseconds> age_max;
};

/// What the Hub answered, whatever its status.
struct HubAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case; values of one name joined by ", "
  std::string body;
  std::string url;           ///< that answered
  bool from_memory = false;  ///< no request was made
  bool stale = false;        ///< the Hub could not be asked: its last answer
};

}  // namespace hubd::client
