// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hubd {

/// A count of bytes. Offsets into files use it too.
using Bytes = std::uint64_t;

inline constexpr Bytes operator""_KiB(unsigned long long n) { return n << 10U; }
inline constexpr Bytes operator""_MiB(unsigned long long n) { return n << 20U; }
inline constexpr Bytes operator""_GiB(unsigned long long n) { return n << 30U; }

inline std::span<std::byte const> as_bytes(std::string_view text) {
  return {reinterpret_cast<std::byte const*>(text.data()), text.size()};
}
inline std::string_view as_text(std::span<std::byte const> bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// A half-open run of bytes in a file.
struct Extent {
  Bytes offset = 0;
  Bytes length = 0;
  [[nodiscard]] Bytes end() const { return offset + length; }
  friend bool operator==(Extent const&, Extent const&) = default;
};

/// "1.2 GB": decimal units, one decimal, as people read network sizes.
std::string human_size(Bytes count);

}  // namespace hubd
