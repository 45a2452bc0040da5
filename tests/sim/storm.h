// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

namespace hubd::sim {

/// One seeded run of the real engine: clients come and go while network, Hub, CAS, disk, clocks and other programs misbehave,
/// the process dies and its budgets change; then the world heals. What every moment and the end must show is in watch.h.
///
/// Empty: every promise held. Else which was broken, when, and what had happened until then.
std::string storm(std::uint64_t seed);

}  // namespace hubd::sim
