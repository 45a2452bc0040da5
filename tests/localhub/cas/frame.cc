// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/frame.h"

#include <lz4frame.h>

#include <cstring>
#include <memory>

namespace hubd::localhub {
namespace {

std::optional<std::string> unpack_lz4(std::string_view frame, std::size_t length) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION)) != 0) return std::nullopt;
  std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> const context(raw, LZ4F_freeDecompressionContext);
  std::string out(length + 1, '\0');  // one more, to see a frame that holds too much
  std::size_t made = 0;
  while (!frame.empty()) {
    std::size_t room = out.size() - made;
    std::size_t taken = frame.size();
    auto const hint = LZ4F_decompress(context.get(), out.data() + made, &room, frame.data(), &taken, nullptr);
    if (LZ4F_isError(hint) != 0) return std::nullopt;
    made += room;
    frame.remove_prefix(taken);
    if (made > length) return std::nullopt;
    if (hint == 0) {  // the frame's end
      if (!frame.empty() || made != length) return std::nullopt;
      out.resize(length);
      return out;
    }
    if (taken == 0 && room == 0) return std::nullopt;
  }
  return std::nullopt;
}

std::string pack_lz4(std::string_view data) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.frameInfo.blockSizeID = data.size() <= 65536 ? LZ4F_max64KB : LZ4F_max256KB;
  std::string out(LZ4F_compressFrameBound(data.size(), &preferences), '\0');
  auto const size = LZ4F_compressFrame(out.data(), out.size(), data.data(), data.size(), &preferences);
  if (LZ4F_isError(size) != 0) return std::string(data);  // not smaller: the caller stores it plainly
  out.resize(size);
  return out;
}

}  // namespace

std::string group_bytes(std::string_view data) {
  std::string out;
  out.reserve(data.size());
  for (std::size_t lane = 0; lane < 4; ++lane) {
    for (std::size_t i = lane; i < data.size(); i += 4) out.push_back(data[i]);
  }
  return out;
}

std::string ungroup_bytes(std::string_view data) {
  std::string out(data.size(), '\0');
  std::size_t from = 0;
  for (std::size_t lane = 0; lane < 4; ++lane) {
    for (std::size_t i = lane; i < data.size(); i += 4) out[i] = data[from++];
  }
  return out;
}

std::optional<std::string> unpack_chunk(std::uint8_t scheme, std::string_view payload, std::size_t length) {
  if (scheme == kSchemeNone) {
    if (payload.size() != length) return std::nullopt;
    return std::string(payload);
  }
  if (scheme != kSchemeLz4 && scheme != kSchemeGrouped) return std::nullopt;
  auto plain = unpack_lz4(payload, length);
  if (plain && scheme == kSchemeGrouped) return ungroup_bytes(*plain);
  return plain;
}

Packed pack_chunk(std::uint8_t scheme, std::string_view chunk) {
  Packed packed;
  if (scheme != kSchemeNone) {
    packed.payload = scheme == kSchemeGrouped ? pack_lz4(group_bytes(chunk)) : pack_lz4(chunk);
    packed.scheme = scheme;
  }
  if (scheme == kSchemeNone || packed.payload.size() >= chunk.size()) {
    packed.scheme = kSchemeNone;
    packed.payload = std::string(chunk);
  }
  return packed;
}

std::string lz4_bomb(std::size_t size) {
  static std::string const zeros(std::size_t{4} << 20U, '\0');  // one block's worth
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.frameInfo.blockSizeID = LZ4F_max4MB;
  preferences.autoFlush = 1;
  LZ4F_cctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createCompressionContext(&raw, LZ4F_VERSION)) != 0) return std::string(size, '\0');
  std::unique_ptr<LZ4F_cctx, LZ4F_errorCode_t (*)(LZ4F_cctx*)> const context(raw, LZ4F_freeCompressionContext);
  std::string scratch(LZ4F_compressBound(zeros.size(), &preferences) + 64, '\0');
  std::string out(scratch.data(), LZ4F_compressBegin(context.get(), scratch.data(), scratch.size(), &preferences));
  std::size_t block = zeros.size();
  while (block >= 4096) {  // whole blocks, then smaller ones, while they and the frame's end still fit
    auto const made = LZ4F_compressUpdate(context.get(), scratch.data(), scratch.size(), zeros.data(), block, nullptr);
    if (LZ4F_isError(made) == 0 && out.size() + made + 12 <= size) {
      out.append(scratch.data(), made);
    } else {
      block /= 2;
    }
  }
  out.append(4, '\0');  // end of the frame
  if (out.size() + 8 <= size) {  // the rest is a frame that readers skip
    auto const left = static_cast<std::uint32_t>(size - out.size() - 8);
    std::uint32_t const head[2] = {0x184d2a50, left};
    out.append(reinterpret_cast<char const*>(head), 8);
  }
  out.resize(size, '\0');
  return out;
}

}  // namespace hubd::localhub
