// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace hubd::sched {

/// How much a transfer matters beside others. A share, not a rank: the lowest still moves while the highest does.
enum class Priority : std::uint8_t { background, normal, interactive };

/// Bytes that a transfer gets for each byte of a background one, while both want more than there is.
constexpr std::uint64_t weight(Priority priority) {
  switch (priority) {
    case Priority::background:
      return 1;
    case Priority::normal:
      return 4;
    case Priority::interactive:
      return 16;
  }
  return 1;
}

/// In a line, what somebody waits for counts so many times as much as what nobody does.
inline constexpr std::uint64_t awaited_weight = 4;

/// How far one grant brings whoever has it behind in a line where turns go by weight: 1 for what matters most.
constexpr std::uint64_t stride(Priority priority, bool awaited) {
  return awaited_weight * weight(Priority::interactive) / (weight(priority) * (awaited ? awaited_weight : 1));
}

inline constexpr std::uint64_t stride_max = stride(Priority::background, false);

constexpr std::string_view name_of(Priority priority) {
  switch (priority) {
    case Priority::background:
      return "background";
    case Priority::normal:
      return "normal";
    case Priority::interactive:
      return "interactive";
  }
  return "normal";
}

constexpr std::optional<Priority> priority_of(std::string_view name) {
  for (auto const priority : {Priority::background, Priority::normal, Priority::interactive})
    if (name_of(priority) == name) return priority;
  return std::nullopt;
}

}  // namespace hubd::sched
