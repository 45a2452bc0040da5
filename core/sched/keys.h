// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace hubd::sched {

enum class TransferKey : std::uint64_t {};
enum class FileKey : std::uint64_t {};

}  // namespace hubd::sched
