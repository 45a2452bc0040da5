// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hubd::localhub {

/// How a chunk's bytes stand in its record.
inline constexpr std::uint8_t kSchemeNone = 0;
inline constexpr std::uint8_t kSchemeLz4 = 1;
inline constexpr std::uint8_t kSchemeGrouped = 2;  ///< bytes grouped by index mod 4, then LZ4

std::string group_bytes(std::string_view data);
std::string ungroup_bytes(std::string_view data);

/// The chunk of `length` bytes in a payload; nothing when the scheme is unknown or the payload does not hold exactly that.
std::optional<std::string> unpack_chunk(std::uint8_t scheme, std::string_view payload, std::size_t length);

struct Packed {
  std::uint8_t scheme = kSchemeNone;
  std::string payload;
};
/// Packs with `scheme`, or with none when that is not smaller.
Packed pack_chunk(std::uint8_t scheme, std::string_view chunk);

/// An LZ4 frame of exactly `size` bytes that unpacks to as much as such a frame can (some 250 times its size).
std::string lz4_bomb(std::size_t size);

}  // namespace hubd::localhub
