// SPDX-License-Identifier: Apache-2.0
#include "core/xet/shard_writer.h"

#include <algorithm>
#include <utility>

#include "core/xet/bytes_io.h"
#include "core/xet/shard_layout.h"

namespace hubd::xet {
namespace {

void put_bookend(Put& put) {
  put.fill(32, 0xff).fill(16);
}

/// The digest's hex, read as a hash's text: each 8 bytes reversed.
MerkleHash as_hash(Sha256 const& digest) {
  return MerkleHash::parse(digest.hex()).value_or(MerkleHash{});
}

}  // namespace

ShardWriter::ShardWriter(std::optional<Footer> footer, Sink sink) : footer_(footer), sink_(std::move(sink)) {}

Result<void> ShardWriter::flush() {
  written_ += out_.size();
  auto const taken = sink_(out_);
  out_.clear();
  return taken;
}

Result<void> ShardWriter::begin() {
  if (written_ != 0) return {};
  Put(out_).text(kShardTag).u64(kShardVersion).u64(footer_ ? kShardFooterSize : 0);
  return flush();
}

Result<void> ShardWriter::add(ShardFile const& file) {
  assert(!in_xorbs_ && "files come before xorbs");
  if (verified_.value_or(file.verified) != file.verified)
    return fail(ErrorKind::bad_request,
                "write file " + file.file.text() +
                    " into a shard: some files have verification hashes and some have none; give all or none");
  for (auto const& segment : file.segments)
    if (segment.verification.has_value() != file.verified)
      return fail(ErrorKind::bad_request,
                  "write file " + file.file.text() +
                      " into a shard: a segment lacks its verification hash; compute it from the chunks");
  verified_ = file.verified;
  auto const begun = begin();
  if (!begun) return begun;
  Put put(out_);
  put.hash(file.file)
      .u32((file.verified ? kWithVerification : 0U) | (file.sha256 ? kWithSha256 : 0U))
      .u32(file.segments.size())
      .u64(0);
  for (auto const& segment : file.segments) {
    put.hash(segment.xorb).u32(0).u32(segment.length).u32(segment.first).u32(segment.end);
    materialized_ += segment.length;
  }
  if (file.verified)
    for (auto const& segment : file.segments) put.hash(*segment.verification).fill(16);
  if (file.sha256) put.hash(as_hash(*file.sha256)).fill(16);
  if (footer_ && footer_->lookups) files_.push_back({file.file.word(0), records_});
  records_ += static_cast<std::uint32_t>(out_.size() / kRecordSize);
  return flush();
}

Result<void> ShardWriter::end_files() {
  if (in_xorbs_) return {};
  auto const begun = begin();
  if (!begun) return begun;
  Put put(out_);
  put_bookend(put);
  in_xorbs_ = true;
  records_ = 0;
  auto const flushed = flush();
  xorbs_offset_ = written_;
  return flushed;
}

Result<void> ShardWriter::add(ShardXorb const& xorb) {
  auto const ended = end_files();
  if (!ended) return ended;
  bool const keyed = footer_ && footer_->key != std::array<std::byte, 32>{};
  bool const lookups = footer_ && footer_->lookups;
  Put put(out_);
  put.hash(xorb.xorb).u32(0).u32(xorb.chunks.size()).u32(xorb.size).u32(xorb.disk_size);
  Bytes offset = 0;
  for (std::size_t i = 0; i < xorb.chunks.size(); ++i) {
    auto const& chunk = xorb.chunks[i];
    if (chunk.offset != offset) break;
    offset += chunk.length;
    auto const hash = keyed ? hmac(chunk.hash, footer_->key) : chunk.hash;
    put.hash(hash).u32(chunk.offset).u32(chunk.length).u32(chunk.dedup_eligible ? kDedupEligible : 0).u32(0);
    if (lookups) chunks_.push_back({hash.word(0), records_, static_cast<std::uint32_t>(i)});
  }
  if (offset != xorb.size) {
    out_.clear();
    return fail(ErrorKind::bad_request, "write xorb " + xorb.xorb.text() +
                                            " into a shard: its chunks do not add up to its " +
                                            std::to_string(xorb.size) + " bytes; give each its place");
  }
  if (lookups) xorbs_.push_back({xorb.xorb.word(0), records_});
  records_ += static_cast<std::uint32_t>(out_.size() / kRecordSize);
  stored_ += xorb.size;
  stored_on_disk_ += xorb.disk_size;
  return flush();
}

Result<void> ShardWriter::finish() {
  auto const ended = end_files();
  if (!ended) return ended;
  Put put(out_);
  put_bookend(put);
  auto const flushed = flush();
  if (!flushed || !footer_) return flushed;
  std::sort(files_.begin(), files_.end());
  std::sort(xorbs_.begin(), xorbs_.end());
  std::sort(chunks_.begin(), chunks_.end());
  auto const file_lookup = written_;
  for (auto const& one : files_) put.u64(one.word).u32(one.record);
  auto const xorb_lookup = file_lookup + kNameEntrySize * files_.size();
  for (auto const& one : xorbs_) put.u64(one.word).u32(one.record);
  auto const chunk_lookup = xorb_lookup + kNameEntrySize * xorbs_.size();
  for (auto const& one : chunks_) put.u64(one.word).u32(one.record).u32(one.index);
  auto const offset = chunk_lookup + kChunkEntrySize * chunks_.size();
  put.u64(kShardFooterVersion).u64(kRecordSize).u64(xorbs_offset_);
  put.u64(file_lookup).u64(files_.size()).u64(xorb_lookup).u64(xorbs_.size()).u64(chunk_lookup).u64(chunks_.size());
  put.bytes(footer_->key).u64(footer_->created).u64(footer_->expires).fill(48);
  put.u64(stored_on_disk_).u64(materialized_).u64(stored_).u64(offset);
  return flush();
}

Result<std::vector<std::byte>> write_shard(Shard const& shard, std::optional<ShardWriter::Footer> const& footer) {
  std::vector<std::byte> bytes;
  ShardWriter writer(footer, [&bytes](std::span<std::byte const> more) -> Result<void> {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  });
  auto const in_order = [](auto const& all, auto const& name) {
    std::vector<std::remove_cvref_t<decltype(all.front())> const*> order;
    for (auto const& one : all) order.push_back(&one);
    std::sort(order.begin(), order.end(),
              [&](auto const* a, auto const* b) { return std::pair(name(*a), a) < std::pair(name(*b), b); });
    return order;
  };
  for (auto const* file : in_order(shard.files, [](ShardFile const& one) { return one.file; })) {
    auto const added = writer.add(*file);
    if (!added) return added.error();
  }
  for (auto const* xorb : in_order(shard.xorbs, [](ShardXorb const& one) { return one.xorb; })) {
    auto const added = writer.add(*xorb);
    if (!added) return added.error();
  }
  auto const finished = writer.finish();
  if (!finished) return finished.error();
  return bytes;
}

}  // namespace hubd::xet
