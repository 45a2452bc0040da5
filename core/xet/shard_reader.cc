// SPDX-License-Identifier: Apache-2.0
#include "core/xet/shard_reader.h"

#include <algorithm>
#include <utility>

#include "core/xet/bytes_io.h"
#include "core/xet/shard_layout.h"

namespace hubd::xet {
namespace {

bool is_bookend(std::span<std::byte const> record) {
  auto const hash = record.first(32);
  return std::all_of(hash.begin(), hash.end(), [](std::byte byte) { return byte == std::byte{0xff}; });
}

Sha256 as_digest(MerkleHash const& hash) {
  return Sha256::parse(hash.text()).value_or(Sha256{});
}

Error unusable(Bytes offset, std::string const& what) {
  return fail(ErrorKind::bad_upstream, "a shard is unusable at byte " + std::to_string(offset) + ": " + what);
}

Result<ShardFooter> parse_footer(std::span<std::byte const> bytes, Bytes offset) {
  auto const version = get_u64(bytes, 0);
  if (version != kShardFooterVersion)
    return unusable(offset, "version " + std::to_string(version) + " of its footer is not known");
  ShardFooter footer;
  footer.files_offset = get_u64(bytes, 8);
  footer.xorbs_offset = get_u64(bytes, 16);
  footer.file_lookup = {get_u64(bytes, 24), get_u64(bytes, 32)};
  footer.xorb_lookup = {get_u64(bytes, 40), get_u64(bytes, 48)};
  footer.chunk_lookup = {get_u64(bytes, 56), get_u64(bytes, 64)};
  std::copy_n(bytes.begin() + 72, footer.key.size(), footer.key.begin());
  footer.created = get_u64(bytes, 104);
  footer.expires = get_u64(bytes, 112);
  footer.stored_on_disk = get_u64(bytes, 168);
  footer.materialized = get_u64(bytes, 176);
  footer.stored = get_u64(bytes, 184);
  footer.offset = get_u64(bytes, 192);
  if (footer.offset != offset)
    return unusable(offset + 192, "its footer says that it begins at byte " + std::to_string(footer.offset) +
                                      ", and it begins at " + std::to_string(offset));
  return footer;
}

}  // namespace

ShardReader::ShardReader(Options options, Sinks sinks) : options_(options), sinks_(std::move(sinks)) {}

Error ShardReader::wrong(std::size_t field, std::string const& what) const {
  return unusable(offset_ + field, what);
}

bool ShardReader::affords(std::uint64_t records) const {
  return records <= (options_.size_max - std::min(options_.size_max, offset_)) / kRecordSize;
}

Result<void> ShardReader::update(std::span<std::byte const> data) {
  while (!data.empty()) {
    if (at_ == At::behind) {
      behind(data);
      if (offset_ > options_.size_max)
        return unusable(offset_, "it is longer than the " + std::to_string(options_.size_max) + " bytes allowed");
      return {};
    }
    if (!affords(1)) return wrong(0, "it is longer than the " + std::to_string(options_.size_max) + " bytes allowed");
    std::span<std::byte const> bytes;
    if (part_.empty() && data.size() >= kRecordSize) {
      bytes = data.first(kRecordSize);
      data = data.subspan(kRecordSize);
    } else {
      auto const missing = std::min(kRecordSize - part_.size(), data.size());
      part_.insert(part_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(missing));
      data = data.subspan(missing);
      if (part_.size() < kRecordSize) return {};
      bytes = part_;
    }
    auto const read = record(bytes);
    if (!read) return read;
    offset_ += kRecordSize;
    part_.clear();
  }
  return {};
}

Result<void> ShardReader::record(std::span<std::byte const> bytes) {
  switch (at_) {
    case At::header: {
      if (as_text(bytes.first(kShardTag.size())) != kShardTag)
        return wrong(0, "it does not begin with the tag of a shard");
      auto const version = get_u64(bytes, 32);
      if (version != kShardVersion) return wrong(32, "version " + std::to_string(version) + " is not known");
      auto const footer = get_u64(bytes, 40);
      if (options_.footer && footer != 0 && footer != kShardFooterSize)
        return wrong(40, "a footer of " + std::to_string(footer) + " bytes is not known");
      footer_follows_ = options_.footer && footer != 0;
      at_ = At::file_head;
      return {};
    }
    case At::file_head:
      return file_head(bytes);
    case At::segment:
      return segment(bytes);
    case At::verification:
      file_.segments[verifications_++].verification = get_hash(bytes, 0);
      if (--left_ == 0) {
        if (!with_sha256_) return file_done();
        at_ = At::sha256;
      }
      return {};
    case At::sha256:
      file_.sha256 = as_digest(get_hash(bytes, 0));
      return file_done();
    case At::xorb_head:
      return xorb_head(bytes);
    case At::chunk:
      return chunk(bytes);
    case At::behind:
      break;
  }
  assert(false && "there are no records behind the xorbs");
  return {};
}

Result<void> ShardReader::file_head(std::span<std::byte const> bytes) {
  if (is_bookend(bytes)) {
    at_ = At::xorb_head;
    xorbs_offset_ = offset_ + kRecordSize;
    return {};
  }
  auto const flags = get_u32(bytes, 32);
  std::uint64_t const segments = get_u32(bytes, 36);
  if ((flags & ~(kWithVerification | kWithSha256)) != 0)
    return wrong(32, "flags " + std::to_string(flags) + " of a file are not known");
  file_ = {};
  file_.file = get_hash(bytes, 0);
  file_.verified = (flags & kWithVerification) != 0;
  with_sha256_ = (flags & kWithSha256) != 0;
  if (verified_.value_or(file_.verified) != file_.verified)
    return wrong(32, "some files have verification hashes and some have none");
  verified_ = file_.verified;
  auto const records = segments * (file_.verified ? 2 : 1) + (with_sha256_ ? 1 : 0);
  if (!affords(1 + records + 2))
    return wrong(36, "a file claims " + std::to_string(segments) + " segments, more than the shard may hold");
  left_ = static_cast<std::uint32_t>(segments);
  verifications_ = 0;
  if (left_ != 0) {
    at_ = At::segment;
    return {};
  }
  if (!with_sha256_) return file_done();
  at_ = At::sha256;
  return {};
}

Result<void> ShardReader::segment(std::span<std::byte const> bytes) {
  ShardSegment read;
  read.xorb = get_hash(bytes, 0);
  read.length = get_u32(bytes, 36);
  read.first = get_u32(bytes, 40);
  read.end = get_u32(bytes, 44);
  if (read.first >= read.end || read.end > kXorbChunksMax)
    return wrong(40, "a segment names chunks " + std::to_string(read.first) + " to " + std::to_string(read.end) +
                         ", which no xorb has");
  auto const count = Bytes{read.end} - read.first;
  if (read.length < count || read.length > count * kChunkSizeMax)
    return wrong(36,
                 std::to_string(count) + " chunks of a segment cannot have " + std::to_string(read.length) + " bytes");
  file_.segments.push_back(read);
  if (--left_ != 0) return {};
  if (file_.verified) {
    left_ = static_cast<std::uint32_t>(file_.segments.size());
    at_ = At::verification;
    return {};
  }
  if (!with_sha256_) return file_done();
  at_ = At::sha256;
  return {};
}

Result<void> ShardReader::file_done() {
  at_ = At::file_head;
  return sinks_.file ? sinks_.file(std::exchange(file_, {})) : Result<void>{};
}

Result<void> ShardReader::xorb_head(std::span<std::byte const> bytes) {
  if (is_bookend(bytes)) {
    at_ = At::behind;
    return {};
  }
  xorb_ = {};
  xorb_.xorb = get_hash(bytes, 0);
  left_ = get_u32(bytes, 36);
  xorb_.size = get_u32(bytes, 40);
  xorb_.disk_size = get_u32(bytes, 44);
  if (left_ > kXorbChunksMax) return wrong(36, "a xorb cannot have " + std::to_string(left_) + " chunks");
  if (!affords(1 + std::uint64_t{left_} + 1))
    return wrong(36, "a xorb claims " + std::to_string(left_) + " chunks, more than the shard may hold");
  if (xorb_.size > kXorbSizeMax) return wrong(40, "a xorb cannot have " + std::to_string(xorb_.size) + " bytes");
  if (left_ == 0) return xorb_done();
  at_ = At::chunk;
  return {};
}

Result<void> ShardReader::chunk(std::span<std::byte const> bytes) {
  ShardChunk read;
  read.hash = get_hash(bytes, 0);
  read.offset = get_u32(bytes, 32);
  read.length = get_u32(bytes, 36);
  read.dedup_eligible = (get_u32(bytes, 40) & kDedupEligible) != 0;
  auto const before = xorb_.chunks.empty() ? 0 : xorb_.chunks.back().offset + xorb_.chunks.back().length;
  if (read.offset != before)
    return wrong(32, "a chunk begins at byte " + std::to_string(read.offset) + " of its xorb, behind chunks of " +
                         std::to_string(before) + " bytes");
  if (read.length == 0 || read.length > kChunkSizeMax)
    return wrong(36, "a chunk cannot have " + std::to_string(read.length) + " bytes");
  if (read.length > xorb_.size - before)
    return wrong(36, "a chunk ends behind its xorb of " + std::to_string(xorb_.size) + " bytes");
  xorb_.chunks.push_back(read);
  return --left_ == 0 ? xorb_done() : Result<void>{};
}

Result<void> ShardReader::xorb_done() {
  at_ = At::xorb_head;
  auto const end = xorb_.chunks.empty() ? 0 : xorb_.chunks.back().offset + xorb_.chunks.back().length;
  if (end != xorb_.size)
    return wrong(0, "the chunks of a xorb of " + std::to_string(xorb_.size) + " bytes have " + std::to_string(end));
  return sinks_.xorb ? sinks_.xorb(std::exchange(xorb_, {})) : Result<void>{};
}

void ShardReader::behind(std::span<std::byte const> data) {
  offset_ += data.size();
  if (!footer_follows_) return;
  if (data.size() >= kShardFooterSize) {
    part_.clear();
    data = data.last(kShardFooterSize);
  }
  part_.insert(part_.end(), data.begin(), data.end());
  if (part_.size() > kShardFooterSize)
    part_.erase(part_.begin(), part_.end() - static_cast<std::ptrdiff_t>(kShardFooterSize));
}

Result<std::optional<ShardFooter>> ShardReader::finish() {
  if (at_ != At::behind) return unusable(offset_ + part_.size(), "it is cut short");
  if (!footer_follows_) return std::optional<ShardFooter>{};
  if (part_.size() < kShardFooterSize) return unusable(offset_, "its footer is cut short");
  auto const footer = parse_footer(part_, offset_ - kShardFooterSize);
  if (!footer) return footer.error();
  // A writer without lookups may leave these two at zero.
  if (footer->files_offset != 0 && footer->files_offset != kRecordSize)
    return unusable(footer->offset + 8, "its footer puts the files at byte " + std::to_string(footer->files_offset));
  if (footer->xorbs_offset != 0 && footer->xorbs_offset != xorbs_offset_)
    return unusable(footer->offset + 16, "its footer puts the xorbs at byte " + std::to_string(footer->xorbs_offset) +
                                             ", and they begin at " + std::to_string(xorbs_offset_));
  return std::optional<ShardFooter>(*footer);
}

Result<Shard> read_shard(std::span<std::byte const> bytes, ShardReader::Options options) {
  Shard shard;
  ShardReader reader(options, {[&shard](ShardFile file) -> Result<void> {
                                 shard.files.push_back(std::move(file));
                                 return {};
                               },
                               [&shard](ShardXorb xorb) -> Result<void> {
                                 shard.xorbs.push_back(std::move(xorb));
                                 return {};
                               }});
  auto const read = reader.update(bytes);
  if (!read) return read.error();
  auto const footer = reader.finish();
  if (!footer) return footer.error();
  shard.footer = *footer;
  return shard;
}

Result<ShardLookups> read_shard_lookups(std::span<std::byte const> bytes, ShardFooter const& footer) {
  ShardLookups lookups;
  if (footer.offset > bytes.size()) return unusable(bytes.size(), "its footer lies behind its end");
  std::string problem;
  auto const table = [&](ShardFooter::Table const& place, std::size_t entry_size, char const* name, auto&& read) {
    if (place.entries == 0 || !problem.empty()) return;
    if (place.offset > footer.offset || place.entries > (footer.offset - place.offset) / entry_size) {
      problem = std::string(name) + " does not lie before the footer";
      return;
    }
    std::uint64_t before = 0;
    for (std::uint64_t i = 0; i < place.entries; ++i) {
      auto const at = static_cast<std::size_t>(place.offset + i * entry_size);
      auto const word = get_u64(bytes, at);
      if (word < before) problem = std::string(name) + " is not sorted at byte " + std::to_string(at);
      if (!problem.empty()) return;
      before = word;
      read(at, word);
    }
  };
  table(footer.file_lookup, kNameEntrySize, "the lookup of files",
        [&](std::size_t at, std::uint64_t word) { lookups.files.push_back({word, get_u32(bytes, at + 8)}); });
  table(footer.xorb_lookup, kNameEntrySize, "the lookup of xorbs",
        [&](std::size_t at, std::uint64_t word) { lookups.xorbs.push_back({word, get_u32(bytes, at + 8)}); });
  table(footer.chunk_lookup, kChunkEntrySize, "the lookup of chunks", [&](std::size_t at, std::uint64_t word) {
    lookups.chunks.push_back({word, get_u32(bytes, at + 8), get_u32(bytes, at + 12)});
  });
  if (!problem.empty()) return unusable(footer.offset, problem);
  return lookups;
}

}  // namespace hubd::xet
