// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/sim/runs.h"
#include "tests/sim/storm.h"

namespace hubd::sim {
namespace {

#ifdef __OPTIMIZE__
constexpr std::uint64_t seeds = 10'000;
#else
constexpr std::uint64_t seeds = 320;  // under sanitizers
#endif
constexpr std::uint64_t shards = 16;  // so that ctest spreads them over the cores

class Storms : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Storms, BreakNoPromise) {
  char const* const many = std::getenv("HUBD_SEEDS");
  for (auto const seed : seeds_to_run(many != nullptr ? std::stoull(many) : seeds)) {
    if (seed % shards != GetParam()) continue;
    auto const problem = storm(seed);
    if (!problem.empty()) FAIL() << "seed " << seed << ": " << problem << "replay with HUBD_SEED=" << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Shard, Storms, testing::Range<std::uint64_t>(0, shards));

}  // namespace
}  // namespace hubd::sim
