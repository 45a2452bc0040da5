// SPDX-License-Identifier: Apache-2.0
#include "core/xet/reconstruction_check.h"

#include <algorithm>
#include <limits>

#include "core/xet/limits.h"

namespace hubd::xet {
namespace {

Error wrong(std::string const& what) {
  return fail(ErrorKind::bad_upstream, "a reconstruction cannot be right: " + what + "; ask for it again");
}

std::string chunks_name(std::uint32_t first, std::uint32_t end) {
  return "chunks " + std::to_string(first) + " to " + std::to_string(end);
}

Result<void> check_ranges(MerkleHash const& xorb, std::vector<FetchRange const*> const& ranges) {
  FetchRange const* before = nullptr;
  for (auto const* range : ranges) {
    auto const name = chunks_name(range->first, range->end) + " of xorb " + xorb.text();
    if (range->first >= range->end) return wrong(name + " are none");
    if (range->end > kXorbChunksMax)
      return wrong(name + " lie past the " + std::to_string(kXorbChunksMax) + " that a xorb has");
    Bytes const count = range->end - range->first;
    if (range->bytes.offset > kXorbBodyMax || range->bytes.length > kXorbBodyMax - range->bytes.offset)
      return wrong(name + " lie past the bytes that a xorb has");
    if (range->bytes.length < count * (kChunkHeadSize + 1) ||
        range->bytes.length > count * (kChunkHeadSize + kPackedSizeMax))
      return wrong(name + " cannot fill " + std::to_string(range->bytes.length) + " bytes");
    if (range->bytes.offset < range->first * (kChunkHeadSize + 1))
      return wrong(name + " begin before the chunks in front of them end");
    if (before != nullptr) {
      if (range->first < before->end) return wrong(name + " overlap another range");
      if (range->bytes.offset < before->bytes.end()) return wrong(name + " share bytes with another range");
      bool const chunks_touch = range->first == before->end;
      bool const bytes_touch = range->bytes.offset == before->bytes.end();
      if (chunks_touch != bytes_touch) return wrong(name + " follow another range in chunks or bytes, but not in both");
    }
    before = range;
  }
  return {};
}

}  // namespace

Result<Bytes> check_reconstruction(Reconstruction const& answer, std::optional<Extent> const& asked) {
  std::map<MerkleHash, std::vector<FetchRange const*>> sorted;
  for (auto const& [xorb, ranges] : answer.ranges) {
    auto& order = sorted[xorb];
    for (auto const& range : ranges) order.push_back(&range);
    std::sort(order.begin(), order.end(), [](auto const* a, auto const* b) { return a->first < b->first; });
    auto const checked = check_ranges(xorb, order);
    if (!checked) return checked.error();
  }
  Bytes total = 0;
  for (std::size_t i = 0; i < answer.terms.size(); ++i) {
    auto const& term = answer.terms[i];
    auto const name =
        "term " + std::to_string(i) + " (" + chunks_name(term.first, term.end) + " of xorb " + term.xorb.text() + ")";
    if (term.first >= term.end) return wrong(name + " has no chunks");
    Bytes const count = term.end - term.first;
    if (term.length < count || term.length > std::min(count * kChunkSizeMax, kXorbSizeMax))
      return wrong(name + " cannot unpack to " + std::to_string(term.length) + " bytes");
    auto const ranges = sorted.find(term.xorb);
    if (ranges == sorted.end()) return wrong(name + " has no range of its xorb");
    // The last range that begins at or before the term; ranges do not overlap, so no other can hold it.
    auto const behind =
        std::upper_bound(ranges->second.begin(), ranges->second.end(), term.first,
                         [](std::uint32_t first, FetchRange const* range) { return first < range->first; });
    if (behind == ranges->second.begin() || (*std::prev(behind))->end < term.end)
      return wrong(name + " does not lie in one range of its xorb");
    if (asked && asked->length != 0 && total >= answer.offset_into_first_range &&
        total - answer.offset_into_first_range >= asked->length)
      return wrong(name + " lies behind what was asked");
    if (term.length > std::numeric_limits<Bytes>::max() - total)
      return wrong(name + " makes the file larger than any can be");
    total += term.length;
  }
  auto const offset = answer.offset_into_first_range;
  if (answer.terms.empty() ? offset != 0 : offset >= answer.terms.front().length)
    return wrong("its offset " + std::to_string(offset) + " lies behind its first term");
  return asked ? std::min(total - offset, asked->length) : total - offset;
}

}  // namespace hubd::xet
