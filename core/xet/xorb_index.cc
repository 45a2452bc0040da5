// SPDX-License-Identifier: Apache-2.0
#include "core/xet/xorb_index.h"

#include <cassert>

namespace hubd::xet {

Bytes XorbIndex::length(std::uint32_t first, std::uint32_t end) const {
  assert(first < end && end <= chunks.size() && "the caller knows that these chunks are there");
  return chunks[end - 1].end - (first == 0 ? 0 : chunks[first - 1].end);
}

Extent XorbIndex::records(std::uint32_t first, std::uint32_t end) const {
  assert(first < end && end <= chunks.size() && "the caller knows that these chunks are there");
  Bytes const from = first == 0 ? 0 : chunks[first - 1].record_end;
  return {from, chunks[end - 1].record_end - from};
}

MerkleHash XorbIndex::computed() const {
  std::vector<HashedSize> leaves;
  leaves.reserve(chunks.size());
  Bytes before = 0;
  for (auto const& chunk : chunks) {
    leaves.push_back({chunk.hash, chunk.end - before});
    before = chunk.end;
  }
  return merkle_root(leaves);
}

}  // namespace hubd::xet
