// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "core/xet/chunk_record.h"
#include "tests/fuzz/target.h"

// One chunk's record; and the same bytes as a chunk to be packed.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace hubd;
  auto const bytes = std::as_bytes(std::span(data, size));
  if (size >= xet::kChunkHeadSize) {
    auto head = xet::parse_chunk_head(bytes.first(xet::kChunkHeadSize));
    if (head) {
      auto const packed = bytes.subspan(xet::kChunkHeadSize);
      if (head->packing != xet::Packing::none)
        head->packed_size = static_cast<std::uint32_t>(std::min<Bytes>(packed.size(), xet::kPackedSizeMax));
      if (head->packed_size <= packed.size()) {
        std::vector<std::byte> out(head->size);
        auto const unpacked = xet::unpack_chunk(*head, packed.first(head->packed_size), out);
        (void)unpacked.has_value();
      }
    }
  }
  if (bytes.empty() || bytes.size() > xet::kChunkSizeMax) return 0;
  for (auto const packing : {xet::Packing::none, xet::Packing::lz4, xet::Packing::grouped_lz4}) {
    std::vector<std::byte> body;
    auto const head = xet::append_chunk(bytes, packing, body);
    std::vector<std::byte> out(head.size);
    auto const unpacked = xet::unpack_chunk(head, std::span(body).subspan(xet::kChunkHeadSize), out);
    fuzz::promise(unpacked.has_value() && std::equal(out.begin(), out.end(), bytes.begin(), bytes.end()),
                  "a chunk comes back");
  }
  return 0;
}
