// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "core/base/clock.h"
#include "core/engine/ledger.h"
#include "core/fs/file_system.h"

namespace hubd::engine {

/// Removes from the folder of partials what nobody can use any more: halves of a pair, partials of content that is
/// published by now, and partials that nobody touched for a week. What stays is resumed by the next transfer that wants it.
/// Blocking; before any transfer runs. Fails: io.
Result<void> sweep_partials(fs::FileSystem& files, Ledger& ledger, std::string const& folder, WallTime now);

/// Removes temporary names below `<root>/.locks` that a crash left there: each may be one more name of a large blob.
/// Blocking; before any transfer runs. Fails: io.
Result<void> sweep_scratch(fs::FileSystem& files, std::string const& root);

}  // namespace hubd::engine
