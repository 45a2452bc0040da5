// SPDX-License-Identifier: Apache-2.0
// catch BUG SOURCE SEEDS: runs storms over an hubd with a planted bug until one of them shows it. Succeeds when one did.
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/sim/storm.h"

extern bool const hubd_planted;

int main(int count, char** arguments) {
  if (count != 4) return 2;
  if (!hubd_planted) {
    std::cout << "the bug " << arguments[1] << " does not fit " << arguments[2] << " any more; adapt it in tests/sim/planted/plant.py\n";
    return 1;
  }
  auto const seeds = std::stoull(arguments[3]);
  char const* const only = std::getenv("HUBD_SEED");
  for (std::uint64_t seed = only != nullptr ? std::stoull(only) : 1; seed <= seeds || only != nullptr; ++seed) {
    auto const problem = hubd::sim::storm(seed);
    if (!problem.empty()) {
      std::cout << "seed " << seed << " caught " << arguments[1] << ": " << problem;
      return 0;
    }
    if (only != nullptr) break;
  }
  std::cout << arguments[1] << " in " << arguments[2] << " was not caught within " << seeds << " seeds\n";
  return 1;
}
