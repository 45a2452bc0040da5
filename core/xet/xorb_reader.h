// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/xet/chunk_record.h"
#include "core/xet/xorb_footer.h"

namespace hubd::xet {

/// Reads a xorb, or the records of a run of its chunks, as the bytes come: unpacks and hashes each chunk (xet-protocol
/// 3).
///
/// Holds one record and one chunk, and a footer when there is one: at most 0.8 MiB whatever comes. One thread at a
/// time.
class XorbReader {
 public:
  enum class FooterUse {
    ignore,  ///< what stands behind the records is dropped, as a server does with an upload
    check,   ///< it must be a footer and agree with the records; none is fine
    need,    ///< as check, and none is an error: a stored xorb
    refuse,  ///< nothing but records may come: a fetched range, a granted upload
  };
  struct Chunk {
    ChunkHead head;
    Bytes offset = 0;  ///< of its record
    MerkleHash hash;
    std::span<std::byte const> bytes;  ///< unpacked; valid during the call
  };
  /// Its error ends the reading.
  using Sink = std::function<Result<void>(Chunk const&)>;

  XorbReader(FooterUse footer, Sink sink);
  /// Fails: bad_upstream naming offset and field, corrupt when hashes disagree, or what the sink failed with. Do not go
  /// on then.
  Result<void> update(std::span<std::byte const> data);
  /// What was read; its `xorb` is computed. Fails like update(), and when a record is cut short. Call once.
  Result<XorbIndex> finish();

 private:
  Result<void> read_record(std::span<std::byte const> record);
  Result<void> check_footer();
  [[nodiscard]] Error wrong(Bytes offset, std::string const& what) const;

  FooterUse use_;
  Sink sink_;
  XorbIndex index_;
  std::vector<std::byte> part_;   // a record that has not come whole, or the footer
  std::vector<std::byte> chunk_;  // unpacked
  bool in_footer_ = false;
};

/// All of a stored xorb at once: `id` nothing, or what it must be. Fails: bad_upstream, corrupt.
Result<XorbIndex> check_stored_xorb(std::span<std::byte const> bytes, std::optional<MerkleHash> const& id);

}  // namespace hubd::xet
