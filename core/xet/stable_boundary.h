// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <span>

#include "core/base/bytes.h"

namespace hubd::xet {

/// Where the cuts of an edited file are the old ones again: `boundaries` are the old file's sorted cuts (0 may be among
/// them), and whatever changed before `position`, a chunker that reads on from there cuts at the answer. Nothing when
/// no such place is known (xet-protocol 1.6). Pure.
std::optional<Bytes> next_stable_boundary(std::span<Bytes const> boundaries, Bytes position);

/// Is a chunk of this length clear of both forced cuts?
bool is_stable_length(Bytes length);

}  // namespace hubd::xet
