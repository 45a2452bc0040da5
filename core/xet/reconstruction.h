// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/xet/merkle_hash.h"

namespace hubd::xet {

/// A run of a xorb's chunks that stands in a file. [first, end)
struct Term {
  MerkleHash xorb;
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  Bytes length = 0;  ///< unpacked, of all its chunks
  friend bool operator==(Term const&, Term const&) = default;
};

/// Where chunks [first, end) of a xorb can be had.
struct FetchRange {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  Extent bytes;     ///< of the xorb: their records
  std::string url{};  ///< signed: never logged whole
  friend bool operator==(FetchRange const&, FetchRange const&) = default;
};

/// How to build a file, or a part of one, out of xorbs (xet-protocol 5 and 6.3, 6.4). As the server said it: nothing but its
/// form was checked.
struct Reconstruction {
  Bytes offset_into_first_range = 0;
  std::vector<Term> terms;
  std::map<MerkleHash, std::vector<FetchRange>> ranges;
  friend bool operator==(Reconstruction const&, Reconstruction const&) = default;
};

/// Answers of /v2 and /v1. Unknown fields are ignored. Fails: bad_upstream naming what lacks.
Result<Reconstruction> parse_reconstruction_v2(std::string_view json);
Result<Reconstruction> parse_reconstruction_v1(std::string_view json);

/// The same answers as a server writes them: ranges that follow each other under one URL are one entry of /v2.
std::string reconstruction_v2_json(Reconstruction const& answer);
std::string reconstruction_v1_json(Reconstruction const& answer);

}  // namespace hubd::xet
