// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>

#include "core/base/result.h"
#include "core/xet/reconstruction.h"

namespace hubd::xet {

/// Can this answer be right for `asked` of a file (nothing: all of a file whose size is not known)? Looks at everything
/// that can be known without the bytes: each term's chunks lie in exactly one range of its xorb and may have its
/// length; ranges do not overlap and agree in the order of chunks and bytes; nothing lies past what a xorb may be; the
/// lengths add up to what was asked, without a term too many (xet-protocol 5.1). Returns the bytes that the terms give
/// behind the offset, which the end of the file may make fewer than asked. Pure. Fails: bad_upstream naming the term or
/// range.
Result<Bytes> check_reconstruction(Reconstruction const& answer, std::optional<Extent> const& asked);

}  // namespace hubd::xet
