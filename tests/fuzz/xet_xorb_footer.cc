// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/xet/limits.h"
#include "core/xet/xorb_footer.h"
#include "tests/fuzz/target.h"

// First 4 bytes: where the footer begins; the rest: the footer with its length.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  if (size < 8) return 0;
  auto const bytes = std::as_bytes(std::span(data, size));
  Bytes const offset = data[0] | Bytes{data[1]} << 8U | Bytes{data[2]} << 16U | Bytes{data[3]} << 24U;
  auto const stored = bytes.subspan(4);
  auto const place = xet::find_xorb_footer(stored.last<xet::kXorbFooterTail>(), stored.size());
  if (place)
    fuzz::promise(place->end() + xet::kXorbFooterTail == stored.size(), "a footer ends where its length stands");
  auto const body = stored.first(stored.size() - xet::kXorbFooterTail);
  auto const footer = xet::parse_xorb_footer(body, offset);
  if (!footer) return 0;
  fuzz::promise(footer->index.chunks.size() <= xet::kXorbChunksMax, "a xorb has a limit");
  fuzz::promise(footer->index.body_size() == offset, "records end where the footer begins");
  auto const again = xet::xorb_footer(footer->index, footer->version);
  // All but the reserved bytes, which are of no meaning.
  fuzz::promise(again.size() == stored.size() && std::equal(again.begin(), again.end() - 20, stored.begin()),
                "a footer is written as it was read");
  return 0;
}
