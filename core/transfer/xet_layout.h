// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/xet/merkle_hash.h"
#include "core/xet/reconstruction.h"

namespace hubd::transfer {

/// A run of one xorb's chunks and where it stands in a file: a term of a reconstruction.
struct XetTerm {
  xet::MerkleHash xorb;
  std::uint32_t first = 0;  ///< chunk
  std::uint32_t end = 0;    ///< one past the last chunk
  Extent extent;            ///< of the file
  friend bool operator==(XetTerm const&, XetTerm const&) = default;
};

/// One request's worth of a xorb, and every term that wants some of it.
struct XetFetch {
  xet::MerkleHash xorb;
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  Extent bytes;                ///< of the xorb: the chunk records
  std::string url;             ///< signed: never logged whole
  std::vector<XetTerm> terms;  ///< each within [first, end), in the order of `first`
};

/// What a reconstruction says about a file's bytes, checked.
struct XetLayout {
  std::vector<XetTerm> terms;     ///< in file order, without a gap; whole chunks, so it may begin before and end behind what was asked
  std::vector<XetFetch> fetches;  ///< in the order of the first byte of the file that each brings
};

/// Fails: bad_upstream when terms overflow, do not cover `asked`, leave the file, or name bytes that no fetch brings.
Result<XetLayout> lay_out(xet::Reconstruction const& answer, Extent asked, Bytes file_size);

}  // namespace hubd::transfer
