// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/reconstruction.h"

#include <algorithm>

namespace hubd::localhub {

std::optional<Reconstruction> reconstruct(std::vector<Segment> const& segments, XorbLookup const& lookup,
                                          std::optional<std::pair<Bytes, Bytes>> range) {
  Bytes size = 0;
  for (auto const& segment : segments) size += segment.length;
  auto const [from, asked] = range.value_or(std::pair<Bytes, Bytes>{0, size});
  Reconstruction out;
  if (size == 0 && from == 0) return out;
  if (from >= size) return std::nullopt;
  auto const to = std::min(asked, size);

  Bytes begin = 0;  // of the segment, in the file
  for (auto segment : segments) {
    auto const next = begin + segment.length;
    if (next > from && begin < to) {
      auto const& chunks = lookup(segment.xorb)->chunks();
      while (begin + chunks[segment.first].length <= from) {
        begin += chunks[segment.first].length;
        segment.length -= chunks[segment.first].length;
        ++segment.first;
      }
      while (begin + segment.length - chunks[segment.end - 1].length >= to) {
        --segment.end;
        segment.length -= chunks[segment.end].length;
      }
      if (out.terms.empty()) out.offset = from - begin;
      out.terms.push_back(segment);
    }
    begin = next;
  }

  std::map<XetHash, std::vector<std::pair<std::size_t, std::size_t>>> wanted;
  for (auto const& term : out.terms) wanted[term.xorb].emplace_back(term.first, term.end);
  for (auto& [hash, ranges] : wanted) {
    std::sort(ranges.begin(), ranges.end());
    auto& merged = out.fetch[hash];
    for (auto const& [first, end] : ranges) {
      if (!merged.empty() && first <= merged.back().end) {
        merged.back().end = std::max(merged.back().end, end);
      } else {
        merged.push_back({first, end, 0, 0});
      }
    }
    auto const xorb = lookup(hash);
    for (auto& one : merged) {
      one.from = xorb->chunk_begin(one.first);
      one.to = xorb->chunk_begin(one.end);
    }
  }
  return out;
}

}  // namespace hubd::localhub
