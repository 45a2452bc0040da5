// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdlib>
#include <string>
#include <vector>

#include "core/engine/make_engine.h"

namespace hubd::sim {

constexpr Bytes kib = 1024;

/// 1 to `count`; HUBD_SEED=n is only that one.
inline std::vector<std::uint64_t> seeds_to_run(std::uint64_t count) {
  if (char const* only = std::getenv("HUBD_SEED")) return {std::stoull(only)};
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = 1; seed <= count; ++seed) seeds.push_back(seed);
  return seeds;
}

/// Small ranges and files, so that many things happen per byte.
inline engine::Options small_options() {
  engine::Options options;
  options.range_size = 512 * kib;
  options.xet_bridge_max = 64 * kib;
  options.tuning.connections_total = 12;
  options.tuning.connections_per_host = 8;
  options.tuning.connections_per_file = 4;
  options.files_in_flight = 3;
  options.tuning.free_floor = 0;
  return options;
}

}  // namespace hubd::sim
