// SPDX-License-Identifier: Apache-2.0
#include "core/xet/xorb_reader.h"

#include <algorithm>
#include <utility>

#include "core/xet/hashes.h"
#include "core/xet/limits.h"

namespace hubd::xet {
namespace {

constexpr std::string_view kFooterMark = "XETBLOB";

bool is_footer(std::span<std::byte const> bytes) {
  return as_text(bytes).starts_with(kFooterMark);
}

}  // namespace

XorbReader::XorbReader(FooterUse footer, Sink sink) : use_(footer), sink_(std::move(sink)), chunk_(kChunkSizeMax) {}

Error XorbReader::wrong(Bytes offset, std::string const& what) const {
  return fail(ErrorKind::bad_upstream, "chunk " + std::to_string(index_.chunks.size()) + " of a xorb, at byte " +
                                           std::to_string(offset) + ", is unusable: " + what);
}

Result<void> XorbReader::update(std::span<std::byte const> data) {
  while (!data.empty()) {
    if (in_footer_) {
      if (use_ == FooterUse::ignore) return {};
      if (part_.size() + data.size() > kXorbFooterMax + kXorbFooterTail)
        return fail(ErrorKind::bad_upstream, "the footer of a xorb is longer than any may be");
      part_.insert(part_.end(), data.begin(), data.end());
      return {};
    }
    // What is wanted next: a head, or the rest of a record whose head is here.
    auto const offset = index_.body_size();
    auto const more = [&](std::size_t size) {
      auto const missing = std::min(size - std::min(size, part_.size()), data.size());
      part_.insert(part_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(missing));
      data = data.subspan(missing);
      return part_.size() >= size;
    };
    bool const direct = part_.empty();  // then no byte is copied while whole records are here
    if (direct && data.size() < kChunkHeadSize) {
      part_.assign(data.begin(), data.end());
      return {};
    }
    if (!direct && !more(kChunkHeadSize)) return {};
    auto const head_bytes =
        direct ? data.first(kChunkHeadSize) : std::span<std::byte const>(part_).first(kChunkHeadSize);
    if (is_footer(head_bytes)) {
      if (use_ == FooterUse::refuse) return wrong(offset, "a footer stands there, where only chunks may");
      in_footer_ = true;
      continue;
    }
    if (index_.chunks.size() == kXorbChunksMax)
      return wrong(offset, "a xorb has at most " + std::to_string(kXorbChunksMax) + " chunks");
    auto const head = parse_chunk_head(head_bytes);
    if (!head) return wrong(offset, head.error().what);
    if (index_.size() + head->size > kXorbSizeMax) return wrong(offset, "the xorb would unpack to more than 64 MiB");
    auto const record = kChunkHeadSize + head->packed_size;
    if (direct && data.size() >= record) {
      auto const read = read_record(data.first(record));
      if (!read) return read;
      data = data.subspan(record);
      continue;
    }
    if (!more(record)) return {};
    auto const read = read_record(part_);
    if (!read) return read;
    part_.clear();
  }
  return {};
}

Result<void> XorbReader::read_record(std::span<std::byte const> record) {
  auto const offset = index_.body_size();
  auto const head = parse_chunk_head(record.first(kChunkHeadSize));
  if (!head) return wrong(offset, head.error().what);
  auto const out = std::span(chunk_).first(head->size);
  auto const unpacked = unpack_chunk(*head, record.subspan(kChunkHeadSize), out);
  if (!unpacked) return wrong(offset, unpacked.error().what);
  Chunk const chunk{*head, offset, chunk_hash(out), out};
  auto const end = index_.size() + out.size();
  index_.chunks.push_back(
      {chunk.hash, static_cast<std::uint32_t>(end), static_cast<std::uint32_t>(offset + record.size())});
  return sink_ ? sink_(chunk) : Result<void>{};
}

Result<void> XorbReader::check_footer() {
  if (part_.size() <= kXorbFooterTail) return fail(ErrorKind::bad_upstream, "the footer of a xorb is cut short");
  auto const bytes = std::span<std::byte const>(part_);
  auto const footer = parse_xorb_footer(bytes.first(bytes.size() - kXorbFooterTail), index_.body_size());
  if (!footer) return footer.error();
  auto const place = find_xorb_footer(bytes.last<kXorbFooterTail>(), index_.body_size() + part_.size());
  if (!place) return place.error();
  if (place->length != part_.size() - kXorbFooterTail)
    return fail(ErrorKind::bad_upstream, "the length behind the footer of a xorb is " + std::to_string(place->length) +
                                             ", not " + std::to_string(part_.size() - kXorbFooterTail));
  auto const differs = [](std::string const& what) {
    return fail(ErrorKind::corrupt, "the footer of a xorb disagrees with its chunks: " + what + "; fetch it again");
  };
  auto const& said = footer->index;
  if (said.chunks.size() != index_.chunks.size())
    return differs("it names " + std::to_string(said.chunks.size()) + " chunks, there are " +
                   std::to_string(index_.chunks.size()));
  for (std::size_t i = 0; i < said.chunks.size(); ++i) {
    auto const name = "chunk " + std::to_string(i);
    if (said.chunks[i].hash != index_.chunks[i].hash) return differs(name + " has another hash");
    if (said.chunks[i].record_end != index_.chunks[i].record_end) return differs(name + " has another place");
    if (footer->version == XorbFooterVersion::v1 && said.chunks[i].end != index_.chunks[i].end)
      return differs(name + " has another length");
  }
  if (said.xorb != index_.xorb) return differs("it has another id");
  return {};
}

Result<XorbIndex> XorbReader::finish() {
  if (!in_footer_ && !part_.empty())
    return wrong(index_.body_size(), "it is cut short after " + std::to_string(part_.size()) + " bytes");
  index_.xorb = index_.computed();
  if (in_footer_ && use_ != FooterUse::ignore) {
    auto const checked = check_footer();
    if (!checked) return checked.error();
  }
  if (!in_footer_ && use_ == FooterUse::need) return fail(ErrorKind::bad_upstream, "a stored xorb has no footer");
  return std::move(index_);
}

Result<XorbIndex> check_stored_xorb(std::span<std::byte const> bytes, std::optional<MerkleHash> const& id) {
  XorbReader reader(XorbReader::FooterUse::need, nullptr);
  auto const read = reader.update(bytes);
  if (!read) return read.error();
  auto index = reader.finish();
  if (index && id && index->xorb != *id)
    return fail(ErrorKind::corrupt,
                "xorb " + id->text() + " holds the bytes of " + index->xorb.text() + "; fetch it again");
  return index;
}

}  // namespace hubd::xet
