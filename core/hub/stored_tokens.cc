// SPDX-License-Identifier: Apache-2.0
#include "core/hub/stored_tokens.h"

#include <charconv>

namespace hubd::hub {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  auto const first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// One line of an INI file: nothing in it can begin another one.
std::string in_line(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return out;
}

}  // namespace

Result<StoredTokens> parse_stored_tokens(std::string_view text) {
  StoredTokens tokens;
  StoredToken* current = nullptr;
  int number = 0;
  while (!text.empty()) {
    ++number;
    auto const end = text.find('\n');
    auto const line = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      current = &tokens[std::string(line.substr(1, line.size() - 2))];
      continue;
    }
    auto const equals = line.find_first_of("=:");
    if (equals == std::string_view::npos || current == nullptr)
      return fail(ErrorKind::bad_request, "stored_tokens cannot be read: line " + std::to_string(number) + " is neither a section nor a key");
    auto const key = trim(line.substr(0, equals));
    auto const value = trim(line.substr(equals + 1));
    if (key == "hf_token") {
      current->token = Secret(std::string(value));
    } else if (key == "refresh_token") {
      current->refresh_token = Secret(std::string(value));
    } else if (key == "expires_at") {
      std::int64_t seconds = 0;
      auto const [stop, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
      if (error == std::errc()) current->expires_at = seconds;
    }
  }
  return tokens;
}

std::string format_stored_tokens(StoredTokens const& tokens) {
  std::string text;
  for (auto const& [name, stored] : tokens) {
    text += "[" + in_line(name) + "]\nhf_token = " + in_line(stored.token.reveal()) + "\n";
    if (!stored.refresh_token.empty()) text += "refresh_token = " + in_line(stored.refresh_token.reveal()) + "\n";
    if (stored.expires_at) text += "expires_at = " + std::to_string(*stored.expires_at) + "\n";
    text += "\n";
  }
  return text;
}

Secret clean_token(std::string_view text) {
  std::string out;
  for (char const c : text)
    if (c != '\r' && c != '\n') out.push_back(c);
  return Secret(std::string(trim(out)));
}

std::string mask_token(Secret const& token) {
  auto const& text = token.reveal();
  if (text.size() < 12) return "****";
  return text.substr(0, 3) + "****" + text.substr(text.size() - 4);
}

}  // namespace hubd::hub
