// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"

namespace hubd {

Time SystemClock::now() const { return std::chrono::steady_clock::now(); }
WallTime SystemClock::wall() const { return std::chrono::system_clock::now(); }

}  // namespace hubd
