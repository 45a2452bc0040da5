// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

#include "core/base/bytes.h"
#include "core/xet/chunker.h"
#include "core/xet/hashes.h"
#include "core/xet/merkle_tree.h"

namespace hubd::xet {

/// A file's chunks and its id, from its bytes in order, in memory that does not grow with the file. One thread at a
/// time.
class FileHasher {
 public:
  /// Calls `chunk_done(HashedSize const&)` for each chunk that ends in `data`.
  template <class ChunkDone>
  void update(std::span<std::byte const> data, ChunkDone&& chunk_done) {
    while (!data.empty()) {
      auto const step = chunker_.next(data);
      hasher_.update(data.first(step.taken));
      pending_ += step.taken;
      data = data.subspan(step.taken);
      if (step.cut) chunk_done(close());
    }
  }

  struct Total {
    MerkleHash file;
    Bytes size = 0;
    std::uint64_t chunks = 0;
  };
  /// Calls `chunk_done` for the last chunk, if there is one. Call once.
  template <class ChunkDone>
  Total finish(ChunkDone&& chunk_done) {
    if (pending_ != 0) chunk_done(close());
    return total();
  }

 private:
  HashedSize close();
  Total total();

  Chunker chunker_;
  ChunkHasher hasher_;
  MerkleTree tree_;
  Bytes pending_ = 0;
  std::uint64_t chunks_ = 0;
};

}  // namespace hubd::xet
