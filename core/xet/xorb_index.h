// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/xet/hashes.h"

namespace hubd::xet {

/// What a xorb holds and where, without its bytes: what its footer says and what its records add up to.
struct XorbIndex {
  struct Chunk {
    MerkleHash hash;
    std::uint32_t end = 0;         ///< unpacked bytes up to and with this chunk
    std::uint32_t record_end = 0;  ///< bytes of records up to and with this one, from the xorb's start
    friend bool operator==(Chunk const&, Chunk const&) = default;
  };
  MerkleHash xorb;
  std::vector<Chunk> chunks;

  [[nodiscard]] Bytes size() const { return chunks.empty() ? 0 : chunks.back().end; }
  [[nodiscard]] Bytes body_size() const { return chunks.empty() ? 0 : chunks.back().record_end; }
  /// Of chunks [first, end), which are there.
  [[nodiscard]] Bytes length(std::uint32_t first, std::uint32_t end) const;
  [[nodiscard]] Extent records(std::uint32_t first, std::uint32_t end) const;
  /// The id that the chunks give.
  [[nodiscard]] MerkleHash computed() const;

  friend bool operator==(XorbIndex const&, XorbIndex const&) = default;
};

}  // namespace hubd::xet
