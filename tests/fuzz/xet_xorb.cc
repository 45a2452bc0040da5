// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/xet/limits.h"
#include "core/xet/xorb_reader.h"
#include "tests/fuzz/target.h"

// First byte: what may stand behind the records, and in which pieces they come; the rest: a xorb.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  if (size == 0) return 0;
  auto const use = static_cast<xet::XorbReader::FooterUse>(data[0] % 4);
  std::size_t const piece = data[0] / 4 + 1U;
  auto const bytes = std::as_bytes(std::span(data, size)).subspan(1);
  Bytes total = 0;
  Bytes end = 0;
  auto const read = [&](std::size_t step) -> Result<xet::XorbIndex> {
    total = end = 0;
    xet::XorbReader reader(use, [&](xet::XorbReader::Chunk const& chunk) -> Result<void> {
      fuzz::promise(
          chunk.bytes.size() == chunk.head.size && !chunk.bytes.empty() && chunk.bytes.size() <= xet::kChunkSizeMax,
          "a chunk has the bytes of its head");
      fuzz::promise(chunk.offset == end, "records follow each other");
      end += xet::kChunkHeadSize + chunk.head.packed_size;
      fuzz::promise(end <= bytes.size(), "a record lies in the xorb");
      total += chunk.bytes.size();
      return {};
    });
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      auto const taken = reader.update(bytes.subspan(at, std::min(step, bytes.size() - at)));
      if (!taken) return taken.error();
    }
    return reader.finish();
  };
  auto const whole = read(std::max<std::size_t>(bytes.size(), 1));
  auto const pieces = read(piece);
  fuzz::promise(whole.has_value() == pieces.has_value(), "it does not matter how a xorb comes");
  if (!whole) return 0;
  fuzz::promise(*whole == *pieces, "it does not matter how a xorb comes");
  fuzz::promise(whole->size() == total && whole->body_size() == end, "the index adds up");
  auto const footer = xet::xorb_footer(*whole);
  auto const again =
      xet::parse_xorb_footer(std::span(footer).first(footer.size() - xet::kXorbFooterTail), whole->body_size());
  fuzz::promise(again.has_value() && again->index == *whole, "what was read can be stored");
  return 0;
}
