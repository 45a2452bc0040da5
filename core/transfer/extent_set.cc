// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/extent_set.h"

#include <algorithm>
#include <cassert>

namespace hubd::transfer {

void ExtentSet::add(Extent extent) {
  if (extent.length == 0) return;
  // Everything that touches the new extent melts into it, neighbours included.
  auto const first = std::lower_bound(extents_.begin(), extents_.end(), extent.offset,
                                      [](Extent const& have, Bytes offset) { return have.end() < offset; });
  auto last = first;
  auto offset = extent.offset;
  auto end = extent.end();
  for (; last != extents_.end() && last->offset <= end; ++last) {
    offset = std::min(offset, last->offset);
    end = std::max(end, last->end());
  }
  if (first == last) {
    extents_.insert(first, extent);
    return;
  }
  *first = {offset, end - offset};
  extents_.erase(first + 1, last);
}

void ExtentSet::subtract(Extent extent) {
  if (extent.length == 0) return;
  std::vector<Extent> left;
  left.reserve(extents_.size() + 1);
  for (auto const& have : extents_) {
    if (have.end() <= extent.offset || have.offset >= extent.end()) {
      left.push_back(have);
      continue;
    }
    if (have.offset < extent.offset) left.push_back({have.offset, extent.offset - have.offset});
    if (have.end() > extent.end()) left.push_back({extent.end(), have.end() - extent.end()});
  }
  extents_ = std::move(left);
}

bool ExtentSet::contains(Extent extent) const {
  if (extent.length == 0) return true;
  auto const found = std::upper_bound(extents_.begin(), extents_.end(), extent.offset,
                                      [](Bytes offset, Extent const& have) { return offset < have.end(); });
  return found != extents_.end() && found->offset <= extent.offset && extent.end() <= found->end();
}

Bytes ExtentSet::total() const {
  Bytes sum = 0;
  for (auto const& extent : extents_) sum += extent.length;
  return sum;
}

std::vector<Extent> ExtentSet::lacking(Extent extent) const {
  std::vector<Extent> found;
  auto at = extent.offset;
  auto have = std::upper_bound(extents_.begin(), extents_.end(), at, [](Bytes offset, Extent const& one) { return offset < one.end(); });
  for (; have != extents_.end() && have->offset < extent.end(); ++have) {
    if (have->offset > at) found.push_back({at, have->offset - at});
    at = have->end();
  }
  if (at < extent.end()) found.push_back({at, extent.end() - at});
  return found;
}

std::vector<Extent> ExtentSet::gaps(Bytes size, Bytes length_max) const {
  assert(length_max > 0 && "gaps of no length never end");
  std::vector<Extent> found;
  Bytes at = 0;
  auto const add_until = [&](Bytes end) {
    while (at < end) {
      auto const length = std::min(length_max, end - at);
      found.push_back({at, length});
      at += length;
    }
  };
  for (auto const& have : extents_) {
    add_until(std::min(have.offset, size));
    at = std::max(at, have.end());
  }
  add_until(size);
  return found;
}

}  // namespace hubd::transfer
