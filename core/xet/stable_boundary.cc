// SPDX-License-Identifier: Apache-2.0
#include "core/xet/stable_boundary.h"

#include <algorithm>

#include "core/xet/limits.h"

namespace hubd::xet {

bool is_stable_length(Bytes length) {
  return length >= 2 * kChunkSizeMin && length < kChunkSizeMax - kChunkSizeMin;
}

std::optional<Bytes> next_stable_boundary(std::span<Bytes const> boundaries, Bytes position) {
  auto const from = std::lower_bound(boundaries.begin(), boundaries.end(), position);
  for (auto i = static_cast<std::size_t>(from - boundaries.begin()); i + 2 < boundaries.size(); ++i) {
    bool const stable =
        is_stable_length(boundaries[i + 1] - boundaries[i]) && is_stable_length(boundaries[i + 2] - boundaries[i + 1]);
    if (stable) return boundaries[i + 2];
  }
  return std::nullopt;
}

}  // namespace hubd::xet
