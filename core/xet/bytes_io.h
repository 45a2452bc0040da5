// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/xet/merkle_hash.h"

namespace hubd::xet {

// Little-endian numbers in buffers. Private to the room. The caller has compared sizes: these assert.

template <class Number>
Number get_le(std::span<std::byte const> bytes, std::size_t at) {
  assert(at + sizeof(Number) <= bytes.size());
  Number value = 0;
  for (std::size_t i = sizeof(Number); i-- > 0;)
    value = static_cast<Number>(value << 8U | std::to_integer<Number>(bytes[at + i]));
  return value;
}
inline std::uint32_t get_u32(std::span<std::byte const> bytes, std::size_t at) {
  return get_le<std::uint32_t>(bytes, at);
}
inline std::uint64_t get_u64(std::span<std::byte const> bytes, std::size_t at) {
  return get_le<std::uint64_t>(bytes, at);
}
inline MerkleHash get_hash(std::span<std::byte const> bytes, std::size_t at) {
  assert(at + MerkleHash::kSize <= bytes.size());
  MerkleHash hash;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), MerkleHash::kSize, hash.bytes.begin());
  return hash;
}
inline bool all_zero(std::span<std::byte const> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

/// Appends to a vector.
class Put {
 public:
  explicit Put(std::vector<std::byte>& out) : out_(out) {}
  Put& u8(unsigned value) { return number(value, 1); }
  Put& u32(std::uint64_t value) {
    assert(value <= 0xffffffffU && "a field of 32 bits");
    return number(value, 4);
  }
  Put& u64(std::uint64_t value) { return number(value, 8); }
  Put& hash(MerkleHash const& hash) { return bytes(hash.bytes); }
  Put& bytes(std::span<std::byte const> bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Put& text(std::string_view text) { return bytes(as_bytes(text)); }
  Put& fill(std::size_t count, unsigned value = 0) {
    out_.insert(out_.end(), count, static_cast<std::byte>(value));
    return *this;
  }

 private:
  Put& number(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) out_.push_back(static_cast<std::byte>(value >> (8U * i) & 0xffU));
    return *this;
  }
  std::vector<std::byte>& out_;
};

}  // namespace hubd::xet
