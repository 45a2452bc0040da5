// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <span>

#include "core/base/result.h"
#include "core/xet/reconstruction.h"
#include "core/xet/xorb_index.h"

namespace hubd::xet {

/// What a server answers for `asked` of a file, or for all of it: the fewest chunks that cover it, and where their
/// records stand, one range for chunks that touch (xet-protocol 5.2). A range that begins behind the file's end is
/// nothing (a server answers 416); one that ends there is cut. URLs are left empty. Pure. Fails: entry_not_found when a
/// xorb is not among `xorbs`, corrupt when a term names chunks that its xorb lacks.
Result<std::optional<Reconstruction>> reconstruct(std::span<Term const> file,
                                                  std::map<MerkleHash, XorbIndex> const& xorbs,
                                                  std::optional<Extent> const& asked);

}  // namespace hubd::xet
