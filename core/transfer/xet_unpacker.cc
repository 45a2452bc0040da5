// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_unpacker.h"

#include "core/xet/chunk_record.h"
#include "core/xet/hashes.h"

namespace hubd::transfer {

Error XetUnpacker::wrong(std::string const& why) const {
  return fail(ErrorKind::bad_upstream, "chunk " + std::to_string(fetch_.first + run_.size()) + " of xorb " + fetch_.xorb.text() + " " + why);
}

Result<void> XetUnpacker::take(std::span<std::byte const> data, Done& done) {
  std::size_t seen = 0;  // of `data`; done.used follows as chunks are placed
  auto const chunks_left = [this] { return fetch_.end - fetch_.first - run_.size(); };
  while (chunks_left() > 0 && data.size() - seen >= xet::kChunkHeadSize) {
    auto const head = xet::parse_chunk_head(data.subspan(seen, xet::kChunkHeadSize));
    if (!head) return wrong("is no chunk record: " + head.error().what);
    auto const record = xet::kChunkHeadSize + head->packed_size;
    if (data.size() - seen < record) break;
    if (out_.size() - filled_ < head->size) {
      auto const placed = place(done);
      if (!placed) return placed;
    }
    auto const out = out_.span().subspan(filled_, head->size);
    auto const unpacked = xet::unpack_chunk(*head, data.subspan(seen + xet::kChunkHeadSize, head->packed_size), out);
    if (!unpacked) {
      auto const before = place(done);
      if (!before) return before;
      return wrong("cannot be unpacked: " + unpacked.error().what);
    }
    run_.push_back({head->size, static_cast<std::uint32_t>(record), xet::chunk_hash(out)});
    filled_ += head->size;
    seen += record;
  }
  return place(done);
}

Result<void> XetUnpacker::place(Done& done) {
  // Each term takes its part of the run in one write.
  for (auto& term : fetch_.terms) {
    auto const run_end = fetch_.first + static_cast<std::uint32_t>(run_.size());
    if (term.first == term.end || term.end <= fetch_.first || term.first >= run_end) continue;
    Bytes skip = 0;
    for (auto i = fetch_.first; i < term.first; ++i) skip += run_[i - fetch_.first].length;
    auto const last = std::min(term.end, run_end);
    std::vector<WrittenChunk> chunks;
    Bytes length = 0;
    for (auto i = term.first; i < last; ++i) {
      auto const& chunk = run_[i - fetch_.first];
      chunks.push_back({chunk.length, chunk.hash});
      length += chunk.length;
    }
    bool const over = length > term.extent.length || (last == term.end ? length != term.extent.length : length == term.extent.length);
    if (over) return wrong("and those beside it do not add up to the length of their term");
    auto const bytes = std::as_const(out_).span().subspan(static_cast<std::size_t>(skip), static_cast<std::size_t>(length));
    auto const written = partial_.write_chunks(term.extent.offset, bytes, chunks);
    if (!written) return written;
    Bytes at = term.extent.offset;
    auto index = term.first;
    for (auto const& chunk : chunks) {
      done.placed.push_back({at, chunk.length, index++, chunk.hash});
      at += chunk.length;
    }
    term.first = last;
    term.extent = {at, term.extent.length - length};
  }
  for (auto const& chunk : run_) {
    done.used += chunk.record;
    fetch_.bytes.offset += chunk.record;
    fetch_.bytes.length -= chunk.record;
  }
  fetch_.first += static_cast<std::uint32_t>(run_.size());
  run_.clear();
  filled_ = 0;
  std::erase_if(fetch_.terms, [](XetTerm const& term) { return term.first == term.end; });
  return {};
}

}  // namespace hubd::transfer
