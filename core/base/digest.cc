// SPDX-License-Identifier: Apache-2.0
#include "core/base/digest.h"

namespace hubd {
namespace {

int nibble(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

std::string to_hex(std::byte const* data, std::size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    auto const value = std::to_integer<unsigned>(data[i]);
    text.push_back(kDigits[value >> 4U]);
    text.push_back(kDigits[value & 15U]);
  }
  return text;
}

bool from_hex(std::string_view hex, std::byte* out, std::size_t size) {
  if (hex.size() != 2 * size) return false;
  for (std::size_t i = 0; i < size; ++i) {
    int const high = nibble(hex[2 * i]);
    int const low = nibble(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::byte>(high * 16 + low);
  }
  return true;
}

std::optional<ContentId> ContentId::parse(std::string_view etag) {
  if (etag.size() != 40 && etag.size() != 64) return std::nullopt;
  for (char const digit : etag)
    if (nibble(digit) < 0) return std::nullopt;
  return ContentId(std::string(etag));
}

}  // namespace hubd
