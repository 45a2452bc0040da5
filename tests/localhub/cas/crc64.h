// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace hubd::localhub {

/// CRC-64/NVME, fed in pieces: what an upload grant announces.
class Crc64 {
 public:
  void update(std::span<std::byte const> data);
  [[nodiscard]] std::uint64_t value() const { return ~state_; }

 private:
  std::uint64_t state_ = ~std::uint64_t{0};
};

}  // namespace hubd::localhub
