// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/map_format.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <limits>
#include <string_view>

#include "core/hash/hasher.h"

namespace hubd::transfer {
namespace {

constexpr std::string_view kMagic = "hubd.map";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kChecksumSize = 16;  // the first bytes of the BLAKE3 of all before it
constexpr Bytes kSizeMax = std::numeric_limits<std::int64_t>::max();

// Header: magic 0..8, version 8..16, size 16..24, length of the etag 24..32, etag 32..96 padded with zeros,
// zeros 96..112, checksum 112..128.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kSizeAt = 16;
constexpr std::size_t kEtagLengthAt = 24;
constexpr std::size_t kEtagAt = 32;
constexpr std::size_t kEtagLengthMax = 64;
// Record: offset 0..8, length 8..15, kind 15, digest 16..48, checksum 48..64.
constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kKindAt = 15;
constexpr std::uint64_t kLengthMask = 0x00ff'ffff'ffff'ffff;
constexpr std::size_t kDigestAt = 16;

void put(std::span<std::byte> out, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) out[at + i] = static_cast<std::byte>(value >> (8 * i));
}

std::uint64_t get(std::span<std::byte const> in, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(in[at + i]) << (8 * i);
  return value;
}

void put_bytes(std::span<std::byte> out, std::size_t at, std::span<std::byte const> bytes) {
  std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
}

void seal(std::span<std::byte> block) {
  auto const body = block.first(block.size() - kChecksumSize);
  auto const digest = hash::blake3(body);
  put_bytes(block, body.size(), std::span(digest.bytes).first(kChecksumSize));
}

bool sealed(std::span<std::byte const> block) {
  auto const digest = hash::blake3(block.first(block.size() - kChecksumSize));
  auto const checksum = block.last(kChecksumSize);
  return std::equal(checksum.begin(), checksum.end(), digest.bytes.begin());
}

std::optional<MapRecord> parse_record(std::span<std::byte const> block, Bytes size) {
  if (!sealed(block)) return std::nullopt;
  MapRecord record;
  auto const kind = std::to_integer<std::uint8_t>(block[kKindAt]);
  if (kind > static_cast<std::uint8_t>(MapRecord::Kind::chunk)) return std::nullopt;
  record.kind = static_cast<MapRecord::Kind>(kind);
  record.extent = {get(block, 0), get(block, kLengthAt) & kLengthMask};
  auto const digest = block.subspan(kDigestAt, Blake3::kSize);
  std::copy(digest.begin(), digest.end(), record.digest.bytes.begin());
  auto const [offset, length] = record.extent;
  if (length == 0 || length > kMapRecordLengthMax || offset > size || length > size - offset) return std::nullopt;
  return record;
}

}  // namespace

std::array<std::byte, kMapHeaderSize> encode_map_header(ContentId const& id, Bytes size) {
  std::array<std::byte, kMapHeaderSize> header{};
  put_bytes(header, 0, as_bytes(kMagic));
  put(header, kVersionAt, kVersion);
  put(header, kSizeAt, size);
  put(header, kEtagLengthAt, id.etag().size());
  put_bytes(header, kEtagAt, as_bytes(id.etag()));
  seal(header);
  return header;
}

std::array<std::byte, kMapRecordSize> encode_map_record(MapRecord const& record) {
  assert(record.extent.length > 0 && record.extent.length <= kMapRecordLengthMax);
  std::array<std::byte, kMapRecordSize> block{};
  put(block, 0, record.extent.offset);
  put(block, kLengthAt, record.extent.length);
  block[kKindAt] = static_cast<std::byte>(record.kind);
  put_bytes(block, kDigestAt, record.digest.bytes);
  seal(block);
  return block;
}

std::optional<Map> parse_map(std::span<std::byte const> bytes) {
  if (bytes.size() < kMapHeaderSize) return std::nullopt;
  auto const header = bytes.first(kMapHeaderSize);
  if (as_text(header.first(kMagic.size())) != kMagic || get(header, kVersionAt) != kVersion || !sealed(header))
    return std::nullopt;
  auto const etag_length = get(header, kEtagLengthAt);
  auto const size = get(header, kSizeAt);
  if (etag_length > kEtagLengthMax || size > kSizeMax) return std::nullopt;
  auto const id = ContentId::parse(as_text(header.subspan(kEtagAt, static_cast<std::size_t>(etag_length))));
  if (!id) return std::nullopt;

  Map map{*id, size, {}, true};
  auto rest = bytes.subspan(kMapHeaderSize);
  map.whole = rest.size() % kMapRecordSize == 0;
  map.records.reserve(rest.size() / kMapRecordSize);
  for (; rest.size() >= kMapRecordSize; rest = rest.subspan(kMapRecordSize)) {
    auto const record = parse_record(rest.first(kMapRecordSize), size);
    if (record)
      map.records.push_back(*record);
    else
      map.whole = false;
  }
  return map;
}

}  // namespace hubd::transfer
