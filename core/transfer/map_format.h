// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/digest.h"

namespace hubd::transfer {

// The bytes of `<etag>.map`, as docs/disk-format.md describes them. Pure. Numbers are little-endian.

inline constexpr Bytes kMapHeaderSize = 128;
inline constexpr Bytes kMapRecordSize = 64;  // header and records never straddle a page
/// A record covers no more than this, so that whoever checks it needs no more memory.
inline constexpr Bytes kMapRecordLengthMax = 4_MiB;
/// A map is not read further than this: four million records, 256 GiB of chunks.
inline constexpr Bytes kMapSizeMax = kMapHeaderSize + kMapRecordSize * 4'000'000;

/// "These bytes were written, and this is their hash." A claim: believed after the bytes were read back.
struct MapRecord {
  /// What the digest is: BLAKE3 of any run of bytes, or the Xet hash of bytes that are exactly one chunk of their file.
  enum class Kind : std::uint8_t { bytes = 0, chunk = 1 };
  Extent extent;
  Blake3 digest;
  Kind kind = Kind::bytes;
  friend bool operator==(MapRecord const&, MapRecord const&) = default;
};

struct Map {
  ContentId id;
  Bytes size = 0;                  ///< of the whole file
  std::vector<MapRecord> records;  ///< in the order of the file; each ends within `size`, 1 to kMapRecordLengthMax long
  bool whole = true;               ///< false: damaged or torn records were left out
};

std::array<std::byte, kMapHeaderSize> encode_map_header(ContentId const& id, Bytes size);
std::array<std::byte, kMapRecordSize> encode_map_record(MapRecord const& record);
/// Reads what a disk gave back, whatever it is. Nothing when the header is damaged or of another version; a record that
/// is damaged or cannot be right is left out, those after it still count, since lost power may take any page.
std::optional<Map> parse_map(std::span<std::byte const> bytes);

}  // namespace hubd::transfer
