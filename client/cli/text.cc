// SPDX-License-Identifier: Apache-2.0
#include "client/cli/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/base/edit_distance.h"

namespace hubd::cli {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t seconds;
  std::int64_t limit;  // the largest count said in this unit
};
constexpr std::array<Unit, 7> kAgeUnits{{{"second", 1, 59},
                                         {"minute", 60, 59},
                                         {"hour", 3600, 23},
                                         {"day", 86400, 6},
                                         {"week", 604800, 6},
                                         {"month", 2592000, 11},
                                         {"year", 31536000, std::numeric_limits<std::int64_t>::max()}}};

/// Digits at the front as a number; `rest` is what follows them.
std::optional<std::uint64_t> leading_number(std::string_view text, std::string_view& rest) {
  std::uint64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  rest = text.substr(static_cast<std::size_t>(end - text.data()));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  return number;
}

}  // namespace

std::string compact_size(std::uint64_t bytes) {
  auto value = static_cast<double>(bytes);
  std::array<char const*, 6> constexpr units{"", "K", "M", "G", "T", "P"};
  std::size_t unit = 0;
  while (value >= 1000.0 && unit + 1 < units.size()) {
    value /= 1000.0;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f%s", value, units[unit]);
  return text.data();
}

std::string age_text(std::int64_t seconds) {
  if (seconds < 20) return "a few seconds ago";
  for (auto const& unit : kAgeUnits) {
    auto const count =
        static_cast<std::int64_t>(std::nearbyint(static_cast<double>(seconds) / static_cast<double>(unit.seconds)));
    if (count <= unit.limit)
      return std::to_string(count) + " " + std::string(unit.name) + (count == 1 ? "" : "s") + " ago";
  }
  return "";
}

std::string duration_text(std::int64_t seconds) {
  seconds = std::max<std::int64_t>(seconds, 0);
  auto const two = [](std::int64_t first, char const* a, std::int64_t second, char const* b) {
    auto text = std::to_string(first) + " " + a;
    if (second > 0) text += " " + std::to_string(second) + " " + b;
    return text;
  };
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return two(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86400) return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
  return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

std::string count_text(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest;
  auto const number = leading_number(text, rest);
  if (!number) return std::nullopt;
  auto unit = lower(rest);
  if (unit.size() == 2 && unit[1] == 'b') unit.pop_back();
  std::string_view constexpr units = "kmgtp";
  std::uint64_t factor = 1;
  if (!unit.empty()) {
    auto const at = unit.size() == 1 ? units.find(unit[0]) : std::string_view::npos;
    if (at == std::string_view::npos) return std::nullopt;
    for (std::size_t i = 0; i <= at; ++i) factor *= 1000;
  }
  if (*number > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
  return *number * factor;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  std::string_view rest;
  auto const number = leading_number(text, rest);
  if (!number || *number > 1'000'000'000'000U) return std::nullopt;
  struct Factor {
    std::string_view unit;
    std::int64_t seconds;
  };
  constexpr std::array<Factor, 8> factors{
      {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}, {"mo", 2592000}, {"y", 31536000}}};
  auto const unit = lower(rest);
  for (auto const& factor : factors)
    if (factor.unit == unit) {
      auto const most = std::numeric_limits<std::int64_t>::max() / factor.seconds;
      return std::min(static_cast<std::int64_t>(*number), most) * factor.seconds;
    }
  return std::nullopt;
}

std::string printable(std::string_view text) {
  std::string out;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
      out += escaped.data();
    }
  }
  return out;
}

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string cut(std::string_view text, std::size_t width) {
  if (text_width(text) <= width) return std::string(text);
  std::size_t const keep = width > 3 ? width - 3 : 0;
  std::string out;
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const starts = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (starts && columns == keep) break;
    if (starts) ++columns;
    out += text[i];
  }
  return out + std::string(std::min<std::size_t>(width, 3), '.');
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string join(std::vector<std::string> const& parts, std::string_view separator) {
  std::string out;
  for (auto const& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::optional<std::string> nearest(std::string_view word, std::vector<std::string> const& candidates) {
  std::optional<std::string> best;
  auto best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (auto const& candidate : candidates) {
    auto const steps = edit_distance(word, candidate);
    if (steps < best_distance) {
      best_distance = steps;
      best = candidate;
    }
  }
  return best;
}

}  // namespace hubd::cli
