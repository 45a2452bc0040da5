// SPDX-License-Identifier: Apache-2.0
#include "core/base/random.h"

#include <sys/random.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace hubd {
namespace {

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    std::uint64_t value = 0;
    if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value))
      throw std::system_error(errno, std::generic_category(), "getrandom");
    return value;
  }
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override {
    std::uint64_t z = state_.fetch_add(0x9e3779b97f4a7c15ULL) + 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace

std::string Random::hex(std::size_t count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 16 == 0) bits = next();
    text.push_back(kDigits[bits & 15U]);
    bits >>= 4U;
  }
  return text;
}

std::unique_ptr<Random> system_random() { return std::make_unique<SystemRandom>(); }
std::unique_ptr<Random> seeded_random(std::uint64_t seed) { return std::make_unique<SeededRandom>(seed); }

}  // namespace hubd
