// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.h"

#include <array>
#include <cstdio>

namespace hubd {

std::string human_size(Bytes count) {
  constexpr std::array<char const*, 6> kUnits{"B", "kB", "MB", "GB", "TB", "PB"};
  if (count < 1000) return std::to_string(count) + " B";
  auto value = static_cast<double>(count);
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits[unit]);
  return text.data();
}

}  // namespace hubd
