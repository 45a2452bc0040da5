// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <vector>

#include "core/xet/packing.h"
#include "core/xet/xorb_index.h"

namespace hubd::xet {

/// Builds one xorb in memory, at most 64 MiB and 8192 chunks (xet-protocol 3). One thread at a time.
class XorbWriter {
 public:
  explicit XorbWriter(PackingPolicy policy) : chooser_(policy) {}

  /// May another chunk of `size` bytes come? The records stay below 64 MiB even when nothing shrinks.
  [[nodiscard]] bool fits(Bytes size) const;
  /// The chunks that follow are of another file.
  void begin_section() { chooser_.begin_section(); }
  /// `hash` is the chunk's. It fits(), and has 1 to kChunkSizeMax bytes.
  void add(std::span<std::byte const> chunk, MerkleHash const& hash);

  [[nodiscard]] std::size_t chunks() const { return index_.chunks.size(); }
  [[nodiscard]] Bytes size() const { return index_.size(); }

  struct Xorb {
    XorbIndex index;
    std::vector<std::byte> body;  ///< the records, as they are uploaded; xorb_footer(index) may follow them
  };
  /// Computes the id; the writer is empty again.
  Xorb finish();

 private:
  PackingChooser chooser_;
  XorbIndex index_;
  std::vector<std::byte> body_;
};

}  // namespace hubd::xet
