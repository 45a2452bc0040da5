// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/http/client.h"

namespace hubd::http {

/// `RateLimit: "api";r=2;t=10` (hub-files 6.2): what is left of a class's window.
struct RateLimit {
  std::string name;
  std::int64_t remaining = 0;
  std::chrono::seconds reset{0};
};
std::optional<RateLimit> parse_rate_limit(std::string_view text);

/// How long the server asks to wait: RateLimit with r=0 gives t+1, else a plain integer Retry-After gives value+1.
/// HTTP dates are ignored, as the stock client does.
std::optional<std::chrono::seconds> requested_wait(int status, Headers const& headers);

/// `Link: <url>; rel="next", <...>; rel="..."`: the target with that relation.
std::optional<std::string> link_target(Headers const& headers, std::string_view relation);

/// `Content-Range: bytes 0-99/1000`. `total` is absent for "*".
struct ContentRange {
  Extent extent;
  std::optional<Bytes> total;
};
std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace hubd::http
