// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <chrono>

#include "core/base/clock.h"

namespace hubd::net {

/// Doubling waits with a ceiling, as a pure function: attempt 0 waits `first`.
struct Backoff {
  Duration first = std::chrono::seconds(1);
  Duration max = std::chrono::seconds(8);

  [[nodiscard]] Duration wait(unsigned attempt) const {
    auto duration = first;
    for (unsigned i = 0; i < attempt && duration < max; ++i) duration *= 2;
    return std::min(duration, max);
  }
};

}  // namespace hubd::net
