// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/head.h"

#include <algorithm>

#include "tests/fuzz/target.h"

// First byte: how many bytes come at a time.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  if (size == 0) return 0;
  auto const text = fuzz::text_of(data + 1, size - 1);
  auto const step = 1U + data[0] % 61U;
  httpd::HeadParser parser(4096);
  std::size_t from = 0;
  for (std::size_t to = 0; to < text.size();) {
    to = std::min<std::size_t>(text.size(), to + step);
    std::size_t used = 0;
    auto const outcome = parser.feed(std::string_view(text).substr(from, to - from), used);
    fuzz::promise(used <= to - from, "no more is used than there is");
    from += used;
    if (outcome.kind == httpd::HeadParser::Outcome::Kind::refused) {
      fuzz::promise(outcome.status >= 400 && outcome.status < 600, "a refusal has a status");
      return 0;
    }
    if (outcome.kind != httpd::HeadParser::Outcome::Kind::ready) continue;
    auto const head = parser.take();
    fuzz::promise(!head.method.empty() && !head.target.empty(), "a head has a method and a target");
    fuzz::promise(!(head.chunked && head.content_length), "a body ends in one way only");
    return 0;
  }
  return 0;
}
