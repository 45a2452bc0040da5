// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "core/base/bytes.h"

namespace hubd::plan {

/// Where bytes of a file come from, the cheapest first.
enum class Holder : std::uint8_t {
  blob,     ///< the whole content is published somewhere in the cache: another name of it, no byte moves
  partial,  ///< written by an earlier attempt
  network,
};

struct Step {
  Extent extent;
  Holder holder = Holder::network;
  friend bool operator==(Step const&, Step const&) = default;
};

/// What is known about one file before anything moves.
struct Known {
  Bytes size = 0;
  bool published = false;       ///< its content stands in the cache
  std::vector<Extent> partial;  ///< sorted, disjoint, inside [0, size)
};

/// The file as ordered extents that cover [0, size) exactly, each from its cheapest holder. Network extents are at most
/// `range_max` long. Pure.
std::vector<Step> plan_file(Known const& known, Bytes range_max);

/// The gaps of `present` in [0, size), none longer than `range_max`. `present` is sorted and disjoint.
std::vector<Extent> gaps(Bytes size, std::vector<Extent> const& present, Bytes range_max);

}  // namespace hubd::plan
