// SPDX-License-Identifier: Apache-2.0
#include "core/xet/reconstruct.h"

#include <algorithm>
#include <limits>

namespace hubd::xet {
namespace {

std::string range_name(std::uint32_t first, std::uint32_t end) {
  return std::to_string(first) + " to " + std::to_string(end);
}

/// Runs that touch or overlap become one.
std::vector<FetchRange> merged(std::vector<std::pair<std::uint32_t, std::uint32_t>> runs, XorbIndex const& xorb) {
  std::sort(runs.begin(), runs.end());
  std::vector<FetchRange> ranges;
  for (auto const& [first, end] : runs) {
    if (!ranges.empty() && first <= ranges.back().end)
      ranges.back().end = std::max(ranges.back().end, end);
    else
      ranges.push_back({first, end, {}});
  }
  for (auto& range : ranges) range.bytes = xorb.records(range.first, range.end);
  return ranges;
}

}  // namespace

Result<std::optional<Reconstruction>> reconstruct(std::span<Term const> file,
                                                  std::map<MerkleHash, XorbIndex> const& xorbs,
                                                  std::optional<Extent> const& asked) {
  std::vector<XorbIndex const*> indexes;
  Bytes size = 0;
  for (auto const& term : file) {
    auto const xorb = xorbs.find(term.xorb);
    if (xorb == xorbs.end())
      return fail(ErrorKind::entry_not_found,
                  "xorb " + term.xorb.text() + " of a file is not stored here; upload it first");
    if (term.first >= term.end || term.end > xorb->second.chunks.size())
      return fail(ErrorKind::corrupt, "a file names chunks " + range_name(term.first, term.end) + " of xorb " +
                                          term.xorb.text() + ", which has " +
                                          std::to_string(xorb->second.chunks.size()) + "; upload its shard again");
    indexes.push_back(&xorb->second);
    size += xorb->second.length(term.first, term.end);
  }
  auto const from = asked ? asked->offset : 0;
  if (from > size || (from == size && from != 0)) return std::optional<Reconstruction>{};
  auto const to = asked ? from + std::min(asked->length, size - from) : size;

  Reconstruction answer;
  std::map<MerkleHash, std::vector<std::pair<std::uint32_t, std::uint32_t>>> runs;
  Bytes begin = 0;  // of the term, in the file
  bool first_kept = true;
  for (std::size_t i = 0; i < file.size() && begin < to; ++i) {
    auto const& index = *indexes[i];
    auto first = file[i].first;
    auto last = file[i].end;
    auto const length = index.length(first, last);
    auto const next = begin + length;
    if (next <= from) {
      begin = next;
      continue;
    }
    auto kept = begin;
    while (first + 1 < last && kept + index.length(first, first + 1) <= from) {
      kept += index.length(first, first + 1);
      ++first;
    }
    auto end = next;
    while (first + 1 < last && end - index.length(last - 1, last) >= to) {
      end -= index.length(last - 1, last);
      --last;
    }
    if (first_kept) answer.offset_into_first_range = from - kept;
    first_kept = false;
    answer.terms.push_back({file[i].xorb, first, last, end - kept});
    runs[file[i].xorb].emplace_back(first, last);
    begin = next;
  }
  for (auto& [xorb, found] : runs) answer.ranges[xorb] = merged(std::move(found), xorbs.find(xorb)->second);
  return std::optional<Reconstruction>(std::move(answer));
}

}  // namespace hubd::xet
