// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/url.h"

#include <cctype>

#include "tests/localhub/crypto.h"

namespace hubd::localhub {

std::string percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      auto const raw = raw_of(text.substr(i + 1, 2));
      if (!raw.empty()) {
        out += raw;
        i += 2;
        continue;
      }
    }
    out.push_back(plus && text[i] == '+' ? ' ' : text[i]);
  }
  return out;
}

std::string percent_encode(std::string_view text, std::string_view safe) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  static constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~";
  std::string out;
  for (char const c : text) {
    if (kPlain.find(c) != std::string_view::npos || safe.find(c) != std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    auto const byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    auto const at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string> split_path(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.empty()) return {};
  return split(path, '/');
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

Query::Query(std::string_view text) {
  if (text.empty()) return;
  for (auto const& part : split(text, '&')) {
    if (part.empty()) continue;
    auto const equals = part.find('=');
    auto key = percent_decode(std::string_view(part).substr(0, equals), true);
    auto value = equals == std::string::npos ? std::string() : percent_decode(std::string_view(part).substr(equals + 1), true);
    pairs_.emplace_back(std::move(key), std::move(value));
  }
}

std::optional<std::string> Query::get(std::string_view key) const {
  for (auto const& [name, value] : pairs_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::vector<std::string> Query::all(std::string_view key) const {
  std::vector<std::string> values;
  for (auto const& [name, value] : pairs_) {
    if (name == key || name == std::string(key) + "[]") values.push_back(value);
  }
  return values;
}

bool Query::flag(std::string_view key) const {
  auto const value = get(key);
  return value && (*value == "true" || *value == "1" || *value == "True");
}

std::string Query::text_without(std::string_view dropped) const {
  std::string out;
  for (auto const& [name, value] : pairs_) {
    if (name == dropped) continue;
    if (!out.empty()) out.push_back('&');
    out += percent_encode(name) + "=" + percent_encode(value);
  }
  return out;
}

}  // namespace hubd::localhub
