// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_layout.h"

#include <algorithm>
#include <map>

#include "core/xet/limits.h"

namespace hubd::transfer {
namespace {

Error wrong(std::string const& why) { return fail(ErrorKind::bad_upstream, "a reconstruction that cannot be right: " + why); }

}  // namespace

Result<XetLayout> lay_out(xet::Reconstruction const& answer, Extent asked, Bytes file_size) {
  if (answer.offset_into_first_range > asked.offset) return wrong("it begins before the file does");
  XetLayout layout;
  layout.terms.reserve(answer.terms.size());
  Bytes at = asked.offset - answer.offset_into_first_range;
  // (xorb, which of its listed ranges) -> place in layout.fetches
  std::map<std::pair<xet::MerkleHash, std::size_t>, std::size_t> places;
  for (std::size_t number = 0; number < answer.terms.size(); ++number) {
    auto const& term = answer.terms[number];
    auto const name = "term " + std::to_string(number);
    if (term.first >= term.end) return wrong(name + " has no chunk");
    if (term.length == 0 || term.length > Bytes{term.end - term.first} * xet::kChunkSizeMax) return wrong(name + " has a length that its chunks cannot have");
    if (term.length > file_size - at) return wrong(name + " ends behind the file");
    XetTerm const placed{term.xorb, term.first, term.end, {at, term.length}};
    at += term.length;

    auto const listed = answer.ranges.find(term.xorb);
    if (listed == answer.ranges.end()) return wrong(name + " is of a xorb for which there is no URL");
    auto const& ranges = listed->second;
    auto const holds = [&](xet::FetchRange const& range) { return range.first <= term.first && term.end <= range.end; };
    auto const range = std::find_if(ranges.begin(), ranges.end(), holds);
    if (range == ranges.end()) return wrong(name + " has chunks that no URL brings");
    auto const which = static_cast<std::size_t>(range - ranges.begin());
    auto const [place, is_new] = places.try_emplace({term.xorb, which}, layout.fetches.size());
    if (is_new) {
      // Each chunk costs at least the head of its record.
      auto const chunks = Bytes{range->end - range->first};
      if (range->bytes.length < chunks * (xet::kChunkHeadSize + 1) || range->bytes.length > chunks * (xet::kChunkHeadSize + xet::kPackedSizeMax))
        return wrong("a range of " + std::to_string(range->bytes.length) + " bytes is said to hold " + std::to_string(chunks) + " chunks");
      layout.fetches.push_back({term.xorb, range->first, range->end, range->bytes, range->url, {}});
    }
    layout.fetches[place->second].terms.push_back(placed);
    layout.terms.push_back(placed);
  }
  if (at < asked.end()) return wrong("its terms end at byte " + std::to_string(at) + " of " + std::to_string(asked.end()));
  for (auto& fetch : layout.fetches)
    std::sort(fetch.terms.begin(), fetch.terms.end(), [](XetTerm const& a, XetTerm const& b) {
      return a.first != b.first ? a.first < b.first : a.extent.offset < b.extent.offset;
    });
  return layout;
}

}  // namespace hubd::transfer
