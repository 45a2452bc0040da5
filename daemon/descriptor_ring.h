// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hubd::daemon {

/// Numbers for descriptors that somebody else will close, in ever-increasing order: a number comes back only after the
/// whole range went round. So whoever looks a number up late finds its own socket, or none, and not the next one's.
/// The range is the upper half of what the process may open, which ordinary descriptors do not reach. Not thread-safe.
class DescriptorRing {
 public:
  /// The range [begin, end); make() takes it from the process's limit.
  DescriptorRing(int begin, int end) : begin_(begin), end_(end), next_(begin) {}
  static DescriptorRing make();

  /// Moves `descriptor`, which is closed in any case, to the next number; -1 when no number is free.
  int take(int descriptor);

 private:
  int begin_;
  int end_;
  int next_;
};

}  // namespace hubd::daemon
