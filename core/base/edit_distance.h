// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string_view>

namespace hubd {

/// Edits between two short names: one byte added, dropped or changed each. Costs |a| * |b|.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace hubd
