// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace hubd {

/// A to Z become a to z; every other byte stays, whatever the locale.
std::string lower(std::string_view text);

}  // namespace hubd
