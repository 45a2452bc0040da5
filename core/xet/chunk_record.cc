// SPDX-License-Identifier: Apache-2.0
#include "core/xet/chunk_record.h"

#include <lz4frame.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <string>
#include <string_view>

namespace hubd::xet {
namespace {

constexpr std::string_view kFooterMark = "XETBLOB";

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

/// Bytes 0, 4, 8, ... stand first, then 1, 5, 9, ... and so on.
void ungroup(std::span<std::byte const> grouped, std::span<std::byte> out) {
  auto const quarter = grouped.size() / 4;
  auto const rest = grouped.size() % 4;
  std::array<std::byte const*, 4> lanes;
  auto const* at = grouped.data();
  for (std::size_t lane = 0; lane < 4; ++lane) {
    lanes[lane] = at;
    at += quarter + (lane < rest ? 1 : 0);
  }
  auto* to = out.data();
  for (std::size_t i = 0; i < quarter; ++i, to += 4) {
    to[0] = lanes[0][i];
    to[1] = lanes[1][i];
    to[2] = lanes[2][i];
    to[3] = lanes[3][i];
  }
  for (std::size_t lane = 0; lane < rest; ++lane) to[lane] = lanes[lane][quarter];
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
  ungroup(bytes, out);
  return {};
}

}  // namespace hubd::xet
