// SPDX-License-Identifier: Apache-2.0
#include "core/xet/merkle_hash.h"

namespace hubd::xet {

std::uint64_t MerkleHash::word(std::size_t index) const {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8U | std::to_integer<std::uint64_t>(bytes[index * 8 + i]);
  return value;
}

std::string MerkleHash::text() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(2 * kSize, '0');
  for (std::size_t i = 0; i < kSize; ++i) {
    auto const byte = std::to_integer<unsigned>(bytes[(i & ~std::size_t{7}) + 7 - (i & 7U)]);
    text[2 * i] = digits[byte >> 4U];
    text[2 * i + 1] = digits[byte & 15U];
  }
  return text;
}

std::string MerkleHash::base64() const {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (std::size_t i = 0; i < kSize; i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8U | (i + k < kSize ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += digits[group >> (18U - 6U * k) & 63U];
  }
  text.pop_back();  // 32 bytes leave one character of padding
  return text;
}

std::optional<MerkleHash> MerkleHash::parse(std::string_view text) {
  if (text.size() != 2 * kSize) return std::nullopt;
  MerkleHash hash;
  for (std::size_t i = 0; i < kSize; ++i) {
    unsigned byte = 0;
    for (auto const digit : text.substr(2 * i, 2)) {
      unsigned value = 0;
      if (digit >= '0' && digit <= '9')
        value = static_cast<unsigned>(digit - '0');
      else if (digit >= 'a' && digit <= 'f')
        value = static_cast<unsigned>(digit - 'a') + 10;
      else if (digit >= 'A' && digit <= 'F')
        value = static_cast<unsigned>(digit - 'A') + 10;
      else
        return std::nullopt;
      byte = byte << 4U | value;
    }
    hash.bytes[(i & ~std::size_t{7}) + 7 - (i & 7U)] = static_cast<std::byte>(byte);
  }
  return hash;
}

}  // namespace hubd::xet
