// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/xet/limits.h"
#include "core/xet/shard.h"

namespace hubd::xet {

/// Reads a shard as its bytes come, strictly in sequence (xet-protocol 4): each file and each xorb whole, then the
/// footer. Lookup tables are skipped; read_shard_lookups() reads them.
///
/// Memory grows with bytes that came, never with numbers that they claim, and with one file or xorb at a time; a claim
/// that `size_max` rules out is refused at once. One thread at a time.
class ShardReader {
 public:
  struct Options {
    Bytes size_max = kShardSizeMax;
    bool footer =
        true;  ///< read one where the header promises it; false: what stands behind the xorbs is not looked at
  };
  /// Their errors end the reading. Either may be empty.
  struct Sinks {
    std::function<Result<void>(ShardFile)> file;
    std::function<Result<void>(ShardXorb)> xorb;
  };

  ShardReader(Options options, Sinks sinks);
  /// Fails: bad_upstream naming offset and field, or what a sink failed with. Do not go on then.
  Result<void> update(std::span<std::byte const> data);
  /// The footer, when there is one. Fails like update(), and when the shard is cut short. Call once.
  Result<std::optional<ShardFooter>> finish();

 private:
  enum class At { header, file_head, segment, verification, sha256, xorb_head, chunk, behind };
  Result<void> record(std::span<std::byte const> bytes);
  Result<void> file_head(std::span<std::byte const> bytes);
  Result<void> segment(std::span<std::byte const> bytes);
  Result<void> xorb_head(std::span<std::byte const> bytes);
  Result<void> chunk(std::span<std::byte const> bytes);
  Result<void> file_done();
  Result<void> xorb_done();
  void behind(std::span<std::byte const> data);
  [[nodiscard]] bool affords(std::uint64_t records) const;
  [[nodiscard]] Error wrong(std::size_t field, std::string const& what) const;

  Options options_;
  Sinks sinks_;
  At at_ = At::header;
  Bytes offset_ = 0;             // of the record that is read, later of all that came
  std::vector<std::byte> part_;  // a record that has not come whole; behind the xorbs, the last bytes
  bool footer_follows_ = false;
  Bytes xorbs_offset_ = 0;
  std::optional<bool> verified_;
  ShardFile file_;
  bool with_sha256_ = false;
  std::uint32_t left_ = 0;  // records of this kind
  std::size_t verifications_ = 0;
  ShardXorb xorb_;
};

/// All at once. Fails: bad_upstream.
Result<Shard> read_shard(std::span<std::byte const> bytes, ShardReader::Options options = {});

/// Where a shard's own tables say that hashes stand; every hit must be compared with the record.
struct ShardLookups {
  struct Name {
    std::uint64_t word = 0;    ///< word 0 of the hash
    std::uint32_t record = 0;  ///< of its head, counted from the section's start
  };
  struct Chunk {
    std::uint64_t word = 0;
    std::uint32_t record = 0;  ///< of the xorb's head
    std::uint32_t index = 0;   ///< in that xorb
  };
  std::vector<Name> files;
  std::vector<Name> xorbs;
  std::vector<Chunk> chunks;
};
/// `bytes` are the whole shard, `footer` its own. Fails: bad_upstream when a table does not lie before the footer or is
/// not sorted.
Result<ShardLookups> read_shard_lookups(std::span<std::byte const> bytes, ShardFooter const& footer);

}  // namespace hubd::xet
