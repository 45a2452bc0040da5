// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <vector>

#include "core/fs/buffer.h"
#include "core/transfer/partial.h"
#include "core/transfer/xet_layout.h"

namespace hubd::transfer {

/// A chunk that stands in a partial.
struct PlacedChunk {
  Bytes offset = 0;  ///< in the file
  std::uint32_t length = 0;
  std::uint32_t index = 0;  ///< in its xorb, where known
  xet::MerkleHash hash;
};

/// Takes the chunk records of one fetch as they arrive, unpacks and hashes each chunk, and writes it wherever the file wants
/// it. One per connection; blocking: call from a pool, one call at a time.
class XetUnpacker {
 public:
  /// `fetch` shrinks as chunks are placed: what is left of it is what still has to be asked for. Both outlive this.
  XetUnpacker(Partial& partial, XetFetch& fetch) : partial_(partial), fetch_(fetch), out_(kOutSize) {}

  /// What a call placed: also before it failed.
  struct Done {
    std::size_t used = 0;  ///< bytes of `data`: whole records
    std::vector<PlacedChunk> placed;
  };
  [[nodiscard]] xet::MerkleHash const& xorb() const { return fetch_.xorb; }
  /// Whole records at the front of `data`; an incomplete one waits for more. Fails: bad_upstream for what is no record, or
  /// whose chunks do not add up to their terms; disk_full, io.
  Result<void> take(std::span<std::byte const> data, Done& done);

 private:
  static constexpr std::size_t kOutSize = 512 * 1024;  // stays in a core's own cache between unpacking, hashing and writing
  struct Unpacked {
    std::uint32_t length = 0;
    std::uint32_t record = 0;  ///< bytes of its record
    xet::MerkleHash hash;
  };
  Result<void> place(Done& done);
  [[nodiscard]] Error wrong(std::string const& why) const;

  Partial& partial_;
  XetFetch& fetch_;
  fs::Buffer out_;
  std::size_t filled_ = 0;
  std::vector<Unpacked> run_;  // consecutive chunks from fetch_.first on, back to back in out_
};

}  // namespace hubd::transfer
