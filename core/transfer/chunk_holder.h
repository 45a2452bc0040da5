// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/fs/file_system.h"
#include "core/store/store.h"

namespace hubd::transfer {

/// Chunks that stand on this host already, in contents that somebody may delete or edit at any moment: whoever reads them
/// hashes what it read. Blocking: called from pools, by many at once.
class ChunkHolder {
 public:
  virtual ~ChunkHolder() = default;
  /// Known places of chunks [first, end) of a xorb: disjoint, in order. Empty also when looking failed.
  virtual std::vector<store::HeldRun> find(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) = 0;
  /// A content's bytes; null when no trusted place of it stands any more.
  virtual std::unique_ptr<fs::File> open(std::string const& etag) = 0;
  /// What was read from it was not what it should be.
  virtual void distrust(std::string const& etag) = 0;
};

}  // namespace hubd::transfer
