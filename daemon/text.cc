// SPDX-License-Identifier: Apache-2.0
#include "daemon/text.h"

#include <cstdio>

#include <cstdint>

namespace hubd::daemon {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

/// Bytes of the character that begins `text`; 0 when it is none: cut short, overlong, a surrogate, beyond U+10FFFF.
std::size_t character_size(std::string_view text) {
  struct Form {
    unsigned mask;
    unsigned lead;
    std::uint32_t min;
  };
  static constexpr Form forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
  std::size_t size = 0;
  for (auto const& form : forms) {
    ++size;
    if ((byte_at(text, 0) & form.mask) != form.lead) continue;
    if (text.size() < size) return 0;
    std::uint32_t value = byte_at(text, 0) & ~form.mask;
    for (std::size_t i = 1; i < size; ++i) {
      if ((byte_at(text, i) & 0xc0U) != 0x80U) return 0;
      value = (value << 6U) | (byte_at(text, i) & 0x3fU);
    }
    bool const surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < form.min || surrogate || value > 0x10ffff ? 0 : size;
  }
  return 0;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    auto const size = character_size(text);
    if (size > 0) {
      out += text.substr(0, size);
    } else {
      out += "\\x";
      out += digits[byte_at(text, 0) >> 4U];
      out += digits[byte_at(text, 0) & 15U];
    }
    text.remove_prefix(size > 0 ? size : 1);
  }
  return out;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (char const c : valid_utf8(text)) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string shortened(std::string text, std::size_t size_max) {
  static constexpr std::string_view dots = "...";
  if (text.size() <= size_max) return text;
  auto end = size_max - dots.size();
  while (end > 0 && (byte_at(text, end) & 0xc0U) == 0x80U) --end;
  text.resize(end);
  return text.append(dots);
}

std::string without_password(std::string text) {
  auto const at = text.rfind('@');
  if (at == std::string::npos) return text;
  auto const first = text.find(':');
  std::size_t const begin = first < at && std::string_view(text).substr(first).starts_with("://") ? first + 3 : 0;
  if (begin > at) return text;
  auto const colon = text.find(':', begin);
  auto const secret = colon < at ? colon + 1 : begin;  // without a password, the name may be a token
  return text.replace(secret, at - secret, "****");
}

}  // namespace hubd::daemon
