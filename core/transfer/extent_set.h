// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "core/base/bytes.h"

namespace hubd::transfer {

/// Which bytes of a file are there: extents sorted, disjoint and merged. Not thread-safe. Extents end below 2^64.
class ExtentSet {
 public:
  void add(Extent extent);
  void subtract(Extent extent);
  void clear() { extents_.clear(); }
  /// True for an empty extent too.
  [[nodiscard]] bool contains(Extent extent) const;
  [[nodiscard]] Bytes total() const;
  [[nodiscard]] std::vector<Extent> const& extents() const { return extents_; }
  /// What lacks in [0, size), sorted, no piece longer than `length_max` (> 0).
  [[nodiscard]] std::vector<Extent> gaps(Bytes size, Bytes length_max) const;
  /// What of `extent` lacks, sorted.
  [[nodiscard]] std::vector<Extent> lacking(Extent extent) const;

 private:
  std::vector<Extent> extents_;
};

}  // namespace hubd::transfer
