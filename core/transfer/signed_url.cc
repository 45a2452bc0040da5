// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/signed_url.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/http/url.h"

namespace hubd::transfer {
namespace {

constexpr Duration margin = std::chrono::seconds(60);
constexpr std::int64_t seconds_max = 4102444800;  // the year 2100: more is not a time

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// The first of that name, in whatever letters.
std::optional<std::string_view> parameter(Parameters const& parameters, std::string_view name) {
  for (auto const& [key, value] : parameters)
    if (lower(key) == lower(name)) return value;
  return std::nullopt;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const whole = error == std::errc() && end == text.data() + text.size() && value > 0 && value <= seconds_max;
  return whole ? std::optional(value) : std::nullopt;
}

/// "20260101T120000Z".
std::optional<WallTime> basic_time(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  auto const field = [&](std::size_t at, std::size_t size) {
    int value = -1;
    auto const part = text.substr(at, size);
    auto const [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc() && end == part.data() + part.size() ? value : -1;
  };
  std::chrono::year_month_day const day{std::chrono::year(field(0, 4)), std::chrono::month(static_cast<unsigned>(field(4, 2))),
                                        std::chrono::day(static_cast<unsigned>(field(6, 2)))};
  int const hour = field(9, 2);
  int const minute = field(11, 2);
  int const second = field(13, 2);
  if (!day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
}

std::optional<WallTime> end_of(std::string_view url) {
  auto const question = url.find('?');
  if (question == std::string_view::npos) return std::nullopt;
  auto const parameters = http::parse_query(url.substr(question + 1));
  if (!parameters) return std::nullopt;
  if (auto const expires = parameter(*parameters, "Expires")) {
    auto const seconds = number(*expires);
    if (seconds) return WallTime(std::chrono::seconds(*seconds));
  }
  for (std::string const vendor : {"X-Amz-", "X-Goog-"}) {
    auto const date = parameter(*parameters, vendor + "Date");
    auto const life = parameter(*parameters, vendor + "Expires");
    if (!date || !life) continue;
    auto const from = basic_time(*date);
    auto const seconds = number(*life);
    if (from && seconds) return *from + std::chrono::seconds(*seconds);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Duration> life_of(std::string_view url, WallTime now) {
  auto const end = end_of(url);
  if (!end || *end <= now) return std::nullopt;
  return std::chrono::duration_cast<Duration>(*end - now);
}

Time renewal(Time now, Duration life) { return now + life - std::min<Duration>(margin, life / 4); }

}  // namespace hubd::transfer
