// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/crc64.h"

#include <array>

namespace hubd::localhub {
namespace {

std::array<std::uint64_t, 256> make_table() {
  std::array<std::uint64_t, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    std::uint64_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x9a6c9329ac4bc9b5ULL : 0);
    table[i] = value;
  }
  return table;
}

}  // namespace

void Crc64::update(std::span<std::byte const> data) {
  static auto const table = make_table();
  for (auto const byte : data) state_ = table[(state_ ^ std::to_integer<std::uint64_t>(byte)) & 0xffU] ^ (state_ >> 8U);
}

}  // namespace hubd::localhub
