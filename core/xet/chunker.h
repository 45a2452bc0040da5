// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace hubd::xet {

/// Finds where a file is cut into chunks, by its content (xet-protocol 1): 8 to 128 KiB each, about 64 KiB.
///
/// The cuts depend on the file alone, never on how it is fed. Holds 16 bytes, copies nothing, cannot fail.
/// One thread at a time.
class Chunker {
 public:
  struct Step {
    std::size_t taken = 0;  ///< bytes of the data that belong to the open chunk
    bool cut = false;       ///< the chunk ends behind them; otherwise all data was taken and the chunk stays open
  };

  /// Goes on with `data`, which follows what was taken before, up to the next cut at most.
  Step next(std::span<std::byte const> data);
  /// Bytes of the open chunk. At the end of the file they are the last chunk; 0: there is none.
  [[nodiscard]] std::uint32_t open() const { return open_; }
  /// Forgets the open chunk: the next byte begins another file.
  void reset() { *this = {}; }

 private:
  std::uint64_t state_ = 0;  // of the rolling hash: the 64 bytes before
  std::uint32_t open_ = 0;
};

}  // namespace hubd::xet
