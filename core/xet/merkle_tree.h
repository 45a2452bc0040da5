// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "core/xet/hashes.h"

namespace hubd::xet {

/// The Merkle root of leaves that come one after the other, in memory that does not grow with their number: at most
/// eight open nodes on each level. Gives what merkle_root() gives. One thread at a time.
class MerkleTree {
 public:
  void add(HashedSize const& leaf);
  /// Root and size of all leaves; zero for none. Call once.
  HashedSize finish();

 private:
  struct Level {
    std::vector<HashedSize> open;  // the children of the next parent
    bool promoted = false;         // a parent went up already
  };
  void add_to(std::size_t level, HashedSize const& node);

  std::vector<Level> levels_;
};

}  // namespace hubd::xet
