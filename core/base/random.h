// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace hubd {

/// The only way to chance: seeded in tests, the kernel's in main. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  /// `count` lower-case hex digits, as in huggingface_hub's temporary names.
  std::string hex(std::size_t count);
};

/// getrandom(2).
std::unique_ptr<Random> system_random();
/// splitmix64 from `seed`: the same sequence on every machine.
std::unique_ptr<Random> seeded_random(std::uint64_t seed);

}  // namespace hubd
