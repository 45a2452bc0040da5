// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/localhub/cas/frame.h"
#include "tests/localhub/cas/xet_hash.h"
#include "tests/localhub/content.h"

namespace hubd::localhub {

inline constexpr Bytes kRecordHead = 8;
inline constexpr std::size_t kPayloadMax = 262144;
inline constexpr std::size_t kXorbChunksMax = 8192;
inline constexpr Bytes kXorbLengthMax = 67108864;  ///< unpacked
inline constexpr Bytes kXorbBodyMax = kXorbLengthMax + 8 * kXorbChunksMax + 92 + 40 * kXorbChunksMax + 4;

/// One chunk of a xorb.
struct XorbChunk {
  XetHash hash;
  std::uint32_t length = 0;  ///< unpacked
  std::uint8_t scheme = kSchemeNone;
  Bytes end = 0;  ///< of its record, from the xorb's start
};

/// The eight bytes before a payload.
std::string record_head(std::uint8_t scheme, std::size_t payload, std::size_t length);
/// Footer version 1 and its length, as they stand after the records of a stored xorb.
std::string xorb_footer(XetHash const& hash, std::vector<XorbChunk> const& chunks);

/// A xorb that the server has, named and described; its records are read on demand. Immutable, safe for many threads.
class Xorb : public ByteSource {
 public:
  Xorb(XetHash hash, std::vector<XorbChunk> chunks);

  [[nodiscard]] XetHash const& hash() const { return hash_; }
  [[nodiscard]] std::vector<XorbChunk> const& chunks() const { return chunks_; }
  [[nodiscard]] Bytes length() const { return length_; }                ///< unpacked
  [[nodiscard]] Bytes records() const { return chunk_begin(chunks_.size()); }  ///< bytes of all records
  [[nodiscard]] Bytes stored() const;                                    ///< with footer
  /// Where the record of chunk `n` begins; records() for one past the last.
  [[nodiscard]] Bytes chunk_begin(std::size_t n) const { return n == 0 ? 0 : chunks_[n - 1].end; }
  /// Unpacks one chunk and checks it. Fails: io, corrupt.
  [[nodiscard]] Result<std::string> chunk(std::size_t n) const;
  /// read() gives record bytes.

 private:
  XetHash hash_;
  std::vector<XorbChunk> chunks_;
  Bytes length_ = 0;
};
using XorbPtr = std::shared_ptr<Xorb const>;

/// Reads all of [offset, offset + size). Fails: as read; corrupt when the source ends early.
Result<std::string> read_exactly(ByteSource const& source, Bytes offset, std::size_t size);

/// What a body of records holds, recomputed from its bytes.
struct ParsedXorb {
  std::vector<XorbChunk> chunks;
  XetHash hash;
  bool footer = false;    ///< something followed the records
};
/// Reads records from a file until its end or a footer. Fails: io; corrupt, saying which chunk is wrong and how.
Result<ParsedXorb> parse_xorb(std::filesystem::path const& file);
XetHash xorb_hash(std::vector<XorbChunk> const& chunks);

/// A xorb whose records stand at the front of a file.
XorbPtr file_xorb(XetHash const& hash, std::vector<XorbChunk> chunks, std::filesystem::path file);

/// A chunk that lies in some content.
struct ContentPiece {
  ContentPtr content;
  Bytes offset = 0;
};
/// A xorb that exists only as its description: records of scheme none are made from the contents when somebody reads.
XorbPtr content_xorb(XetHash const& hash, std::vector<XorbChunk> chunks, std::vector<ContentPiece> pieces);

}  // namespace hubd::localhub
