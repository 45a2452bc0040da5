// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tests/localhub/cas/shard.h"

namespace hubd::localhub {

/// Chunks [first, end) of a xorb and the bytes [from, to) of their records.
struct FetchRange {
  std::size_t first = 0;
  std::size_t end = 0;
  Bytes from = 0;
  Bytes to = 0;
};

/// How to rebuild a file, or a part of it.
struct Reconstruction {
  Bytes offset = 0;  ///< into the first term
  std::vector<Segment> terms;
  std::map<XetHash, std::vector<FetchRange>> fetch;
};

using XorbLookup = std::function<XorbPtr(XetHash const&)>;

/// For the bytes [from, to) of the file, or all of it. Nothing when `from` is at or past its end.
std::optional<Reconstruction> reconstruct(std::vector<Segment> const& segments, XorbLookup const& lookup,
                                          std::optional<std::pair<Bytes, Bytes>> range);

}  // namespace hubd::localhub
