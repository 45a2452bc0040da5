// SPDX-License-Identifier: Apache-2.0
#include "core/http/pool_client.h"
#include "core/http/rate_limit.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const text = fuzz::text_of(data, size);
  if (auto const limit = http::parse_rate_limit(text))
    fuzz::promise(limit->reset.count() >= 0 && limit->reset.count() <= 86'400, "a window is no longer than a day");
  http::Headers headers;
  headers.add("RateLimit", text);
  headers.add("Retry-After", text);
  headers.add("Link", text);
  for (int const status : {429, 503})
    if (auto const wait = http::requested_wait(status, headers))
      fuzz::promise(wait->count() > 0 && wait->count() <= 86'401, "a wait is positive and no longer than a day");
  if (auto const target = http::link_target(headers, "next"))
    fuzz::promise(text.find("<" + *target + ">") != std::string::npos, "a link's target stands in the field");
  if (auto const range = http::parse_content_range(text)) {
    fuzz::promise(range->extent.length > 0 && range->extent.end() > range->extent.offset, "a range has a length");
    if (range->total) fuzz::promise(*range->total >= range->extent.end(), "a range ends within its total");
  }
  http::Proxies const proxies{"http://p:1", "http://p:1", text};
  (void)http::proxy_for(proxies, "https", "hub.example", 443);
  return 0;
}
