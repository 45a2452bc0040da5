// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

namespace hubd::xet {

// Bytes 0, 4, 8, ... first, then 1, 5, 9, ... and so on: numbers of four bytes pack better that way (xet-protocol 3.2).
// Both spans are of one size and do not overlap. Pure.

void group_bytes(std::span<std::byte const> bytes, std::span<std::byte> grouped);
void ungroup_bytes(std::span<std::byte const> grouped, std::span<std::byte> bytes);

}  // namespace hubd::xet
