// SPDX-License-Identifier: Apache-2.0
#include "core/xet/chunk_record.h"

#include <lz4frame.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <string>
#include <string_view>

#include "core/xet/byte_groups.h"

namespace hubd::xet {
namespace {

constexpr std::string_view kFooterMark = "XETBLOB";
constexpr std::string_view kFrameMark = "\x04\x22\x4d\x18";

Error wrong(std::string what) { return fail(ErrorKind::bad_upstream, std::move(what)); }

std::uint32_t u24(std::span<std::byte const> bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]) | std::to_integer<std::uint32_t>(bytes[at + 1]) << 8U |
         std::to_integer<std::uint32_t>(bytes[at + 2]) << 16U;
}

/// One frame that fills `out` exactly, whatever its blocks and checksums.
Result<void> unpack_lz4(std::span<std::byte const> packed, std::span<std::byte> out) {
  struct Free {
    void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
  };
  thread_local std::unique_ptr<LZ4F_dctx, Free> context;
  if (!context) {
    LZ4F_dctx* made = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)) != 0) return fail(ErrorKind::exhausted, "no memory to unpack a chunk");
    context.reset(made);
  }
  LZ4F_resetDecompressionContext(context.get());
  // A skippable frame is legal LZ4, but no chunk.
  if (!as_text(packed).starts_with(kFrameMark)) return wrong("it does not begin with an LZ4 frame");
  std::size_t used = 0;
  std::size_t filled = 0;
  std::size_t hint = 1;
  while (hint != 0) {
    std::size_t room = out.size() - filled;
    std::size_t rest = packed.size() - used;
    hint = LZ4F_decompress(context.get(), out.data() + filled, &room, packed.data() + used, &rest, nullptr);
    if (LZ4F_isError(hint) != 0) return wrong(std::string("its LZ4 frame is damaged (") + LZ4F_getErrorName(hint) + ")");
    filled += room;
    used += rest;
    if (hint != 0 && room == 0 && rest == 0)
      return wrong(used == packed.size() ? "its LZ4 frame is cut short" : "its LZ4 frame unpacks to more than its head says");
  }
  if (used != packed.size()) return wrong("there are bytes behind its LZ4 frame");
  if (filled != out.size()) return wrong("its LZ4 frame unpacks to " + std::to_string(filled) + " bytes, not " + std::to_string(out.size()));
  return {};
}

/// One frame as the protocol's other clients write it: independent blocks, nothing optional. 0: it does not fit.
std::size_t pack_lz4(std::span<std::byte const> bytes, std::span<std::byte> out) {
  LZ4F_preferences_t wanted{};
  wanted.frameInfo.blockSizeID = bytes.size() <= 65536 ? LZ4F_max64KB : LZ4F_max256KB;
  wanted.frameInfo.blockMode = LZ4F_blockIndependent;
  auto const size = LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &wanted);
  return LZ4F_isError(size) != 0 ? 0 : size;
}

void put_u24(std::byte* at, std::size_t value) {
  for (unsigned i = 0; i < 3; ++i) at[i] = static_cast<std::byte>(value >> (8U * i));
}

}  // namespace

Result<ChunkHead> parse_chunk_head(std::span<std::byte const> bytes) {
  assert(bytes.size() >= kChunkHeadSize);
  if (as_text(bytes.first(kFooterMark.size())) == kFooterMark) return wrong("the xorb's footer stands there");
  ChunkHead head;
  auto const version = std::to_integer<unsigned>(bytes[0]);
  auto const packing = std::to_integer<unsigned>(bytes[4]);
  head.packed_size = u24(bytes, 1);
  head.size = u24(bytes, 5);
  if (packing > static_cast<unsigned>(Packing::grouped_lz4)) return wrong("packing " + std::to_string(packing) + " is not known");
  if (version != 0) return wrong("version " + std::to_string(version) + " is not known");
  if (head.packed_size > kPackedSizeMax) return wrong(std::to_string(head.packed_size) + " packed bytes are more than a chunk may have");
  if (head.size > kChunkSizeMax) return wrong(std::to_string(head.size) + " bytes are more than a chunk may have");
  if (head.size == 0 || head.packed_size == 0) return wrong("it is empty");
  head.packing = static_cast<Packing>(packing);
  if (head.packing == Packing::none && head.size != head.packed_size)
    return wrong(std::to_string(head.packed_size) + " bytes that are not packed cannot be " + std::to_string(head.size));
  return head;
}

Result<void> unpack_chunk(ChunkHead const& head, std::span<std::byte const> packed, std::span<std::byte> out) {
  assert(packed.size() == head.packed_size && out.size() == head.size);
  switch (head.packing) {
    case Packing::none:
      std::copy(packed.begin(), packed.end(), out.begin());
      return {};
    case Packing::lz4:
      return unpack_lz4(packed, out);
    case Packing::grouped_lz4: break;
  }
  thread_local std::array<std::byte, kChunkSizeMax> grouped;
  auto const bytes = std::span(grouped).first(out.size());
  auto const unpacked = unpack_lz4(packed, bytes);
  if (!unpacked) return unpacked;
  ungroup_bytes(bytes, out);
  return {};
}

ChunkHead append_chunk(std::span<std::byte const> chunk, Packing wanted, std::vector<std::byte>& body) {
  assert(!chunk.empty() && chunk.size() <= kChunkSizeMax && "the caller cuts chunks");
  thread_local std::vector<std::byte> frame(LZ4F_compressFrameBound(kChunkSizeMax, nullptr));
  std::size_t packed = 0;
  if (wanted == Packing::lz4) packed = pack_lz4(chunk, frame);
  if (wanted == Packing::grouped_lz4) {
    thread_local std::array<std::byte, kChunkSizeMax> grouped;
    auto const bytes = std::span(grouped).first(chunk.size());
    group_bytes(chunk, bytes);
    packed = pack_lz4(bytes, frame);
  }
  bool const shrinks = packed != 0 && packed < chunk.size();
  auto const payload = shrinks ? std::span<std::byte const>(frame).first(packed) : chunk;
  ChunkHead const head{shrinks ? wanted : Packing::none, static_cast<std::uint32_t>(payload.size()), static_cast<std::uint32_t>(chunk.size())};
  std::array<std::byte, kChunkHeadSize> bytes{};
  put_u24(bytes.data() + 1, head.packed_size);
  bytes[4] = static_cast<std::byte>(head.packing);
  put_u24(bytes.data() + 5, head.size);
  body.insert(body.end(), bytes.begin(), bytes.end());
  body.insert(body.end(), payload.begin(), payload.end());
  return head;
}

}  // namespace hubd::xet
