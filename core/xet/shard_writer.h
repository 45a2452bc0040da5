// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <compare>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/xet/shard.h"

namespace hubd::xet {

/// Writes a shard record by record: all files, then all xorbs (xet-protocol 4). One thread at a time.
///
/// Memory: one file or xorb, and with lookups 12 to 16 bytes for each file, xorb and chunk.
class ShardWriter {
 public:
  struct Footer {
    bool lookups = false;
    std::array<std::byte, 32> key{};  ///< not zero: chunk hashes are written as hmac(hash, key)
    std::uint64_t created = 0;        ///< unix seconds
    std::uint64_t expires = 0;
  };
  /// Takes the bytes in order. Its error ends the writing.
  using Sink = std::function<Result<void>(std::span<std::byte const>)>;

  /// Without a footer: the form of an upload.
  ShardWriter(std::optional<Footer> footer, Sink sink);

  /// Before the first xorb. Fails: bad_request when verification is not alike in all files, or what the sink failed
  /// with.
  Result<void> add(ShardFile const& file);
  /// Fails: bad_request when its chunks do not add up, or what the sink failed with.
  Result<void> add(ShardXorb const& xorb);
  /// Writes what is behind the records. Call once.
  Result<void> finish();

 private:
  struct Name {
    std::uint64_t word;
    std::uint32_t record;
    auto operator<=>(Name const&) const = default;
  };
  struct ChunkPlace {
    std::uint64_t word;
    std::uint32_t record;
    std::uint32_t index;
    auto operator<=>(ChunkPlace const&) const = default;
  };
  Result<void> begin();
  Result<void> end_files();
  Result<void> flush();

  std::optional<Footer> footer_;
  Sink sink_;
  std::vector<std::byte> out_;
  Bytes written_ = 0;
  std::optional<bool> verified_;
  bool in_xorbs_ = false;
  std::uint32_t records_ = 0;  // of the section
  Bytes xorbs_offset_ = 0;
  std::uint64_t stored_on_disk_ = 0;
  std::uint64_t materialized_ = 0;
  std::uint64_t stored_ = 0;
  std::vector<Name> files_;
  std::vector<Name> xorbs_;
  std::vector<ChunkPlace> chunks_;
};

/// All at once, files and xorbs in ascending order of their hashes as other clients write them. `shard.footer` is not
/// looked at.
Result<std::vector<std::byte>> write_shard(Shard const& shard, std::optional<ShardWriter::Footer> const& footer);

}  // namespace hubd::xet
