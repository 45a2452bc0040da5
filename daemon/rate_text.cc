// SPDX-License-Identifier: Apache-2.0
#include "daemon/rate_text.h"

#include <string>

#include "daemon/config_keys.h"

namespace hubd::daemon {
namespace {

constexpr Bytes rate_min = 64_KiB;

std::optional<int> minute_of(std::string_view text) {
  auto const digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return std::nullopt;
  int const hour = (text[0] - '0') * 10 + (text[1] - '0');
  int const minute = (text[3] - '0') * 10 + (text[4] - '0');
  bool const end_of_day = hour == 24 && minute == 0;
  if ((hour > 23 && !end_of_day) || minute > 59) return std::nullopt;
  return end_of_day ? 0 : hour * 60 + minute;
}

}  // namespace

Result<std::optional<Bytes>> parse_rate(std::string_view text) {
  auto const* const wanted = "off, or bytes per second like \"50 MB/s\", \"1 GiB/s\" or \"400 Mbit/s\", at least 64 KiB/s";
  if (text == "off") return std::optional<Bytes>();
  auto number = text;
  if (number.ends_with("/s")) number.remove_suffix(2);
  Bytes divisor = 1;
  if (number.ends_with("bit")) {
    number.remove_suffix(3);
    divisor = 8;
  }
  auto const bytes = parse_bytes(number);
  if (!bytes || *bytes / divisor < rate_min) return expected(wanted, text);
  return std::optional<Bytes>(*bytes / divisor);
}

Result<sched::BandwidthPlan::Window> parse_rate_window(std::string_view text) {
  auto const* const wanted = "a time of day and a rate like \"08:00-18:00 20 MB/s\"";
  if (text.size() < 13 || text[5] != '-' || text[11] != ' ') return expected(wanted, text);
  auto const from = minute_of(text.substr(0, 5));
  auto const to = minute_of(text.substr(6, 5));
  if (!from || !to) return expected(wanted, text);
  auto const rate = parse_rate(text.substr(12));
  if (!rate) return rate.error();
  return sched::BandwidthPlan::Window{*from, *to, *rate};
}

}  // namespace hubd::daemon
