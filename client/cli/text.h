// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"

namespace hubd::cli {

/// "1.2G": one decimal, decimal units, no blank, as `hf` writes sizes in tables.
std::string compact_size(std::uint64_t bytes);
/// "2 hours ago", as `hf` writes ages; "a few seconds ago" under 20 s.
std::string age_text(std::int64_t seconds);
/// "42 s", "3 min 5 s", "2 h 4 min", "3 d 1 h": a duration for people.
std::string duration_text(std::int64_t seconds);
/// "1 file", "2 files".
std::string count_text(std::uint64_t count, std::string_view noun);

/// A number of bytes with an optional decimal unit (k, kb, m, ... pb; any case), no fraction.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// Seconds from an integer with an optional unit s, m, h, d, w, mo, y.
std::optional<std::int64_t> parse_duration(std::string_view text);

/// Control characters shown as escapes, so that a name from the Hub cannot steer a terminal; UTF-8 stays.
std::string printable(std::string_view text);
/// Columns on a terminal: UTF-8 code points.
std::size_t text_width(std::string_view text);
/// At most `width` columns; a cut text ends in "...".
std::string cut(std::string_view text, std::size_t width);
std::string upper(std::string_view text);
std::string join(std::vector<std::string> const& parts, std::string_view separator);
/// The candidate nearest to a mistyped `word`; nothing when none is near.
std::optional<std::string> nearest(std::string_view word, std::vector<std::string> const& candidates);

}  // namespace hubd::cli
