// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubd::xet {

/// The id of a chunk, a xorb or a file (xet-protocol 2.1). Its text form is that of four little-endian 64-bit numbers, so it
/// is not the hex of the bytes; order and modulus follow the numbers too.
struct MerkleHash {
  static constexpr std::size_t kSize = 32;
  std::array<std::byte, kSize> bytes{};

  /// Number 0 to 3.
  [[nodiscard]] std::uint64_t word(std::size_t index) const;
  /// "the hash modulo n" is its last number modulo n.
  [[nodiscard]] std::uint64_t modulo(std::uint64_t n) const { return word(3) % n; }
  [[nodiscard]] bool is_zero() const { return *this == MerkleHash{}; }
  /// 64 lower-case digits, as in URLs and JSON.
  [[nodiscard]] std::string text() const;
  /// 43 characters of the URL-safe alphabet, of the bytes as they are: names in cache folders.
  [[nodiscard]] std::string base64() const;
  /// Nothing unless `text` is 64 hex digits.
  static std::optional<MerkleHash> parse(std::string_view text);

  friend bool operator==(MerkleHash const&, MerkleHash const&) = default;
  friend std::strong_ordering operator<=>(MerkleHash const& a, MerkleHash const& b) {
    for (std::size_t i = 0; i < 4; ++i)
      if (auto const order = a.word(i) <=> b.word(i); order != 0) return order;
    return std::strong_ordering::equal;
  }
};

}  // namespace hubd::xet
