// SPDX-License-Identifier: Apache-2.0
#include "core/http/rate_limit.h"

#include <charconv>

namespace hubd::http {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  text = trim(text);
  Number value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<RateLimit> parse_rate_limit(std::string_view text) {
  text = trim(text);
  if (text.empty() || text.front() != '"') return std::nullopt;
  auto const quote = text.find('"', 1);
  if (quote == std::string_view::npos) return std::nullopt;
  RateLimit limit;
  limit.name = std::string(text.substr(1, quote - 1));
  bool has_remaining = false;
  bool has_reset = false;
  auto rest = text.substr(quote + 1);
  while (!rest.empty()) {
    auto const semicolon = rest.find(';', 1);
    auto part = trim(rest.substr(0, semicolon));
    if (!part.empty() && part.front() == ';') part = trim(part.substr(1));
    if (part.starts_with("r=")) {
      auto const value = number<std::int64_t>(part.substr(2));
      if (!value) return std::nullopt;
      limit.remaining = *value;
      has_remaining = true;
    } else if (part.starts_with("t=")) {
      auto const value = number<std::int64_t>(part.substr(2));
      if (!value || *value < 0 || *value > 86'400) return std::nullopt;
      limit.reset = std::chrono::seconds(*value);
      has_reset = true;
    }
    rest = semicolon == std::string_view::npos ? std::string_view() : rest.substr(semicolon);
  }
  if (!has_remaining || !has_reset) return std::nullopt;
  return limit;
}

std::optional<std::chrono::seconds> requested_wait(int status, Headers const& headers) {
  if (status == 429) {
    if (auto const text = headers.get("RateLimit")) {
      auto const limit = parse_rate_limit(*text);
      if (limit && limit->remaining == 0) return limit->reset + std::chrono::seconds(1);
    }
  }
  if (auto const text = headers.get("Retry-After")) {
    auto const value = number<std::int64_t>(*text);
    if (value && *value >= 0 && *value <= 86'400) return std::chrono::seconds(*value + 1);
  }
  return std::nullopt;
}

std::optional<std::string> link_target(Headers const& headers, std::string_view relation) {
  for (auto rest : headers.get_all("Link")) {
    while (true) {
      auto const open = rest.find('<');
      if (open == std::string_view::npos) break;
      auto const close = rest.find('>', open);
      if (close == std::string_view::npos) break;
      auto const target = rest.substr(open + 1, close - open - 1);
      auto const next = rest.find('<', close);
      auto parameters = rest.substr(close + 1, next == std::string_view::npos ? next : next - close - 1);
      rest = next == std::string_view::npos ? std::string_view() : rest.substr(next);
      auto const quoted = "rel=\"" + std::string(relation) + "\"";
      auto const plain = "rel=" + std::string(relation);
      if (parameters.find(quoted) != std::string_view::npos) return std::string(target);
      auto const at = parameters.find(plain);
      if (at != std::string_view::npos) {
        auto const behind = at + plain.size();
        if (behind == parameters.size() || parameters[behind] == ';' || parameters[behind] == ',' || parameters[behind] == ' ')
          return std::string(target);
      }
      if (rest.empty()) break;
    }
  }
  return std::nullopt;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("bytes ")) return std::nullopt;
  text = trim(text.substr(6));
  auto const dash = text.find('-');
  auto const slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  auto const first = number<Bytes>(text.substr(0, dash));
  auto const last = number<Bytes>(text.substr(dash + 1, slash - dash - 1));
  if (!first || !last || *last < *first || *last == ~Bytes{0}) return std::nullopt;
  ContentRange range;
  range.extent = Extent{*first, *last - *first + 1};
  auto const total = trim(text.substr(slash + 1));
  if (total != "*") {
    range.total = number<Bytes>(total);
    if (!range.total || *range.total <= *last) return std::nullopt;
  }
  return range;
}

}  // namespace hubd::http
