// SPDX-License-Identifier: Apache-2.0
#include "core/xet/xorb_footer.h"

#include "core/xet/bytes_io.h"
#include "core/xet/limits.h"

namespace hubd::xet {
namespace {

constexpr std::string_view kMark = "XETBLOB";
constexpr std::string_view kHashesMark = "XBLBHSH";
constexpr std::string_view kEndsMark = "XBLBBND";
constexpr std::size_t kHead = 40;  // mark, version, xorb hash
constexpr std::size_t kV0Rest = 4 + 16;
constexpr std::size_t kV0Entry = 36;
constexpr std::size_t kV1Fixed = 92;
constexpr std::size_t kV1Entry = 40;

/// The first thing that is wrong, with its place in the xorb.
class Checks {
 public:
  Checks(std::span<std::byte const> bytes, Bytes offset) : bytes_(bytes), offset_(offset) {}

  [[nodiscard]] bool failed() const { return !problem_.empty(); }
  [[nodiscard]] Error error() const {
    return fail(ErrorKind::bad_upstream, "the footer of a xorb is unusable: " + problem_);
  }
  void blame(std::size_t at, std::string what) {
    if (problem_.empty()) problem_ = std::move(what) + " at byte " + std::to_string(offset_ + at);
  }
  void mark(std::size_t at, std::string_view mark, unsigned version, char const* name) {
    if (as_text(bytes_.subspan(at, mark.size())) != mark)
      return blame(at, std::string(name) + " does not begin with its mark");
    auto const found = std::to_integer<unsigned>(bytes_[at + mark.size()]);
    if (found != version)
      blame(at + mark.size(), std::string("version ") + std::to_string(found) + " of " + name + " is not known");
  }
  void number(std::size_t at, Bytes expected, char const* name) {
    auto const found = get_u32(bytes_, at);
    if (found != expected)
      blame(at, std::string(name) + " is " + std::to_string(found) + ", not " + std::to_string(expected) + ",");
  }
  /// Does `now` grow, by at least `least` and at most `most`?
  void grows(std::size_t at, Bytes before, Bytes now, Bytes least, Bytes most, char const* name) {
    if (now < before + least || now > before + most)
      blame(at, std::string(name) + " is " + std::to_string(now) + " behind " + std::to_string(before));
  }

 private:
  std::span<std::byte const> bytes_;
  Bytes offset_;
  std::string problem_;
};

}  // namespace

Result<Extent> find_xorb_footer(std::span<std::byte const, kXorbFooterTail> tail, Bytes size) {
  Bytes const length = get_u32(tail, 0);
  if (length < kHead + kV0Rest || length > kXorbFooterMax || length + kXorbFooterTail > size)
    return fail(ErrorKind::bad_upstream, "the footer of a xorb of " + std::to_string(size) + " bytes cannot be " +
                                             std::to_string(length) + " bytes long, as its last 4 bytes say");
  return Extent{size - kXorbFooterTail - length, length};
}

Result<XorbFooter> parse_xorb_footer(std::span<std::byte const> bytes, Bytes offset) {
  Checks checks(bytes, offset);
  if (bytes.size() < kHead + kV0Rest) {
    checks.blame(0, "it has only " + std::to_string(bytes.size()) + " bytes");
    return checks.error();
  }
  if (as_text(bytes.first(kMark.size())) != kMark) {
    checks.blame(0, "it does not begin with its mark");
    return checks.error();
  }
  auto const version = std::to_integer<unsigned>(bytes[kMark.size()]);
  if (version > 1) {
    checks.blame(kMark.size(), "version " + std::to_string(version) + " is not known");
    return checks.error();
  }
  bool const v1 = version == 1;
  std::size_t const count_at = v1 ? 48 : kHead;
  std::size_t const count = get_u32(bytes, count_at);
  auto const expected = v1 ? kV1Fixed + kV1Entry * count : kHead + kV0Rest + kV0Entry * count;
  if (count > kXorbChunksMax || bytes.size() != expected) {
    checks.blame(count_at,
                 "it names " + std::to_string(count) + " chunks in " + std::to_string(bytes.size()) + " bytes");
    return checks.error();
  }
  XorbFooter footer;
  footer.version = v1 ? XorbFooterVersion::v1 : XorbFooterVersion::v0;
  footer.index.xorb = get_hash(bytes, 8);
  footer.index.chunks.resize(count);
  std::size_t const hashes_at = v1 ? 52 : count_at + 4 + 4 * count;
  std::size_t const records_at = v1 ? 64 + 32 * count : count_at + 4;
  if (v1) {
    checks.mark(kHead, kHashesMark, 0, "its part of hashes");
    checks.mark(52 + 32 * count, kEndsMark, 1, "its part of ends");
    checks.number(60 + 32 * count, count, "its second number of chunks");
    checks.number(64 + 40 * count, count, "its third number of chunks");
    checks.number(68 + 40 * count, 52 + 40 * count, "the way back to its hashes");
    checks.number(72 + 40 * count, 40 + 8 * count, "the way back to its ends");
  }
  Bytes record_end = 0;
  Bytes end = 0;
  for (std::size_t i = 0; i < count && !checks.failed(); ++i) {
    auto& chunk = footer.index.chunks[i];
    chunk.hash = get_hash(bytes, hashes_at + 32 * i);
    chunk.record_end = get_u32(bytes, records_at + 4 * i);
    checks.grows(records_at + 4 * i, record_end, chunk.record_end, kChunkHeadSize + 1, kChunkHeadSize + kPackedSizeMax,
                 "the end of a record");
    record_end = chunk.record_end;
    if (!v1) continue;
    auto const at = 64 + 36 * count + 4 * i;
    chunk.end = get_u32(bytes, at);
    checks.grows(at, end, chunk.end, 1, kChunkSizeMax, "the end of a chunk");
    end = chunk.end;
  }
  if (record_end != offset)
    checks.blame(0, "the records end at byte " + std::to_string(record_end) + ", and it begins");
  if (checks.failed()) return checks.error();
  return footer;
}

std::vector<std::byte> xorb_footer(XorbIndex const& index, XorbFooterVersion version) {
  assert(index.chunks.size() <= kXorbChunksMax);
  std::vector<std::byte> out;
  Put put(out);
  auto const count = index.chunks.size();
  auto const hashes = [&] {
    for (auto const& chunk : index.chunks) put.hash(chunk.hash);
  };
  auto const record_ends = [&] {
    for (auto const& chunk : index.chunks) put.u32(chunk.record_end);
  };
  put.text(kMark).u8(static_cast<unsigned>(version)).hash(index.xorb);
  if (version == XorbFooterVersion::v0) {
    put.u32(count);
    record_ends();
    hashes();
  } else {
    put.text(kHashesMark).u8(0).u32(count);
    hashes();
    put.text(kEndsMark).u8(1).u32(count);
    record_ends();
    for (auto const& chunk : index.chunks) put.u32(chunk.end);
    put.u32(count).u32(52 + 40 * count).u32(40 + 8 * count);
  }
  put.fill(16);
  put.u32(out.size());
  return out;
}

}  // namespace hubd::xet
