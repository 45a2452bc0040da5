// SPDX-License-Identifier: Apache-2.0
#include "core/xet/shard.h"

#include <algorithm>

namespace hubd::xet {

ShardXorb shard_xorb(XorbIndex const& index) {
  ShardXorb xorb;
  xorb.xorb = index.xorb;
  xorb.size = static_cast<std::uint32_t>(index.size());
  std::uint32_t before = 0;
  for (auto const& chunk : index.chunks) {
    xorb.chunks.push_back({chunk.hash, before, chunk.end - before});
    before = chunk.end;
  }
  return xorb;
}

namespace {

/// Where files begin: xorb and chunk.
std::set<std::pair<MerkleHash, std::uint32_t>> first_chunks(Shard const& shard) {
  std::set<std::pair<MerkleHash, std::uint32_t>> firsts;
  for (auto const& file : shard.files)
    if (!file.segments.empty()) firsts.emplace(file.segments.front().xorb, file.segments.front().first);
  return firsts;
}

}  // namespace

Shard dedup_answer(Shard const& shard) {
  Shard answer{{}, shard.xorbs};
  auto const firsts = first_chunks(shard);
  for (auto& xorb : answer.xorbs)
    for (std::size_t i = 0; i < xorb.chunks.size(); ++i)
      if (firsts.contains({xorb.xorb, static_cast<std::uint32_t>(i)})) xorb.chunks[i].dedup_eligible = true;
  return answer;
}

std::set<MerkleHash> dedup_eligible_chunks(Shard const& shard) {
  std::set<MerkleHash> eligible;
  auto const firsts = first_chunks(shard);
  for (auto const& xorb : shard.xorbs) {
    for (std::size_t i = 0; i < xorb.chunks.size(); ++i) {
      auto const& chunk = xorb.chunks[i];
      bool const first = firsts.contains({xorb.xorb, static_cast<std::uint32_t>(i)});
      if (first || chunk.dedup_eligible || is_dedup_eligible(chunk.hash)) eligible.insert(chunk.hash);
    }
  }
  return eligible;
}

}  // namespace hubd::xet
