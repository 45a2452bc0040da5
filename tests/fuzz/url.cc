// SPDX-License-Identifier: Apache-2.0
#include "core/http/url.h"

#include <algorithm>

#include "tests/fuzz/target.h"

// First line: a base; the rest: a URL of its own and a Location seen from the base.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const text = fuzz::text_of(data, size);
  auto const line = text.find('\n');
  auto const base = text.substr(0, line);
  auto const rest = line == std::string::npos ? std::string() : text.substr(line + 1);
  for (auto const& one : {base, rest}) {
    auto const url = http::parse_url(one);
    if (!url) continue;
    fuzz::promise(url->target.starts_with('/'), "a target begins with a slash");
    fuzz::promise(std::all_of(url->target.begin(), url->target.end(), [](char c) { return c > 0x20 && c < 0x7f; }),
                  "a target is printable");
    fuzz::promise(url->origin.port != 0 && !url->origin.host.empty(), "an origin is whole");
    auto const again = http::parse_url(url->origin.scheme + "://" + url->origin.authority() + url->target);
    if (again) fuzz::promise(again->target == url->target, "a parsed URL stays what it is");
  }
  auto const target = http::resolve_reference(base, rest);
  if (target) {
    auto const url = http::parse_url(*target);
    if (url) fuzz::promise(url->target.starts_with('/'), "a resolved target begins with a slash");
  }
  fuzz::promise(http::without_query(text).find('?') == std::string::npos, "a query is cut off");
  return 0;
}
