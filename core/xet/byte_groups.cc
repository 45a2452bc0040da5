// SPDX-License-Identifier: Apache-2.0
#include "core/xet/byte_groups.h"

#include <array>
#include <cassert>
#include <cstddef>

namespace hubd::xet {
namespace {

template <class Byte>
std::array<Byte*, 4> lanes_of(std::span<Byte> grouped) {
  auto const quarter = grouped.size() / 4;
  auto const rest = grouped.size() % 4;
  std::array<Byte*, 4> lanes;
  auto* at = grouped.data();
  for (std::size_t lane = 0; lane < 4; ++lane) {
    lanes[lane] = at;
    at += quarter + (lane < rest ? 1 : 0);
  }
  return lanes;
}

}  // namespace

void group_bytes(std::span<std::byte const> bytes, std::span<std::byte> grouped) {
  assert(bytes.size() == grouped.size());
  auto const lanes = lanes_of(grouped);
  auto const quarter = bytes.size() / 4;
  auto const* from = bytes.data();
  for (std::size_t i = 0; i < quarter; ++i, from += 4) {
    lanes[0][i] = from[0];
    lanes[1][i] = from[1];
    lanes[2][i] = from[2];
    lanes[3][i] = from[3];
  }
  for (std::size_t lane = 0; lane < bytes.size() % 4; ++lane) lanes[lane][quarter] = from[lane];
}

void ungroup_bytes(std::span<std::byte const> grouped, std::span<std::byte> bytes) {
  assert(bytes.size() == grouped.size());
  auto const lanes = lanes_of(grouped);
  auto const quarter = bytes.size() / 4;
  auto* to = bytes.data();
  for (std::size_t i = 0; i < quarter; ++i, to += 4) {
    to[0] = lanes[0][i];
    to[1] = lanes[1][i];
    to[2] = lanes[2][i];
    to[3] = lanes[3][i];
  }
  for (std::size_t lane = 0; lane < bytes.size() % 4; ++lane) to[lane] = lanes[lane][quarter];
}

}  // namespace hubd::xet
