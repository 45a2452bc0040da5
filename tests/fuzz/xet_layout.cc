// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_layout.h"

#include "tests/fuzz/target.h"

// An answer of the CAS, laid out over a file: no term outside of it, none without a URL.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const answer = xet::parse_reconstruction_v2(fuzz::text_of(data, size));
  if (!answer) return 0;
  constexpr Bytes file_size = 1'000'000;
  for (Extent const asked : {Extent{0, file_size}, Extent{0, 1}, Extent{500'000, 250'000}, Extent{file_size - 1, 1}}) {
    auto const layout = transfer::lay_out(*answer, asked, file_size);
    if (!layout) continue;
    fuzz::promise(!layout->terms.empty(), "something covers what was asked");
    fuzz::promise(layout->terms.front().extent.offset <= asked.offset, "it begins where it was asked, or before");
    fuzz::promise(layout->terms.back().extent.end() >= asked.end(), "it ends where it was asked, or behind");
    Bytes at = layout->terms.front().extent.offset;
    for (auto const& term : layout->terms) {
      fuzz::promise(term.extent.offset == at && term.extent.length > 0 && term.extent.end() <= file_size, "terms tile a part of the file");
      at = term.extent.end();
    }
    std::size_t fetched = 0;
    for (auto const& fetch : layout->fetches) {
      fuzz::promise(fetch.first < fetch.end && fetch.bytes.length > 0 && !fetch.url.empty(), "a fetch asks for something");
      fetched += fetch.terms.size();
      for (auto const& term : fetch.terms) fuzz::promise(fetch.first <= term.first && term.end <= fetch.end, "a fetch brings all of its terms");
    }
    fuzz::promise(fetched == layout->terms.size(), "each term comes by one fetch");
  }
  return 0;
}
