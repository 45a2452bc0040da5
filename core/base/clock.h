// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>

namespace hubd {

/// Monotonic time since an arbitrary start. Deadlines and rates use it.
using Time = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using Duration = std::chrono::nanoseconds;
/// Time of day, for what is written down: expiries, ages, metadata files.
using WallTime = std::chrono::system_clock::time_point;

/// The only way to the time. Real in main, virtual in tests. Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
  [[nodiscard]] WallTime wall() const override;
};

}  // namespace hubd
