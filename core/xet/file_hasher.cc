// SPDX-License-Identifier: Apache-2.0
#include "core/xet/file_hasher.h"

namespace hubd::xet {

HashedSize FileHasher::close() {
  HashedSize const chunk{hasher_.finish(), pending_};
  tree_.add(chunk);
  pending_ = 0;
  ++chunks_;
  return chunk;
}

FileHasher::Total FileHasher::total() {
  auto const root = tree_.finish();
  return {chunks_ == 0 ? MerkleHash{} : file_hash_of_root(root.hash), root.size, chunks_};
}

}  // namespace hubd::xet
