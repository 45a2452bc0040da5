// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/chunker.h"

#include <algorithm>

namespace hubd::localhub {
namespace {

constexpr std::uint64_t kMask = 0xffff000000000000ULL;
constexpr std::size_t kWindow = 64;

}  // namespace

std::size_t cut_length(std::span<std::byte const> data) {
  if (data.size() <= kChunkMin) return data.size();
  auto const end = std::min(data.size(), kChunkMax);
  std::uint64_t sum = 0;
  for (std::size_t i = kChunkMin - kWindow; i < end; ++i) {
    sum = (sum << 1U) + kGear[std::to_integer<std::size_t>(data[i])];
    if (i + 1 >= kChunkMin && (sum & kMask) == 0) return i + 1;
  }
  return end;
}

Result<std::vector<TreeNode>> chunks_of(Content const& content) {
  auto const reader = content.open();
  if (!reader) return reader.error();
  std::vector<TreeNode> chunks;
  std::vector<std::byte> buffer(16 * kChunkMax);
  std::size_t held = 0;
  for (Bytes read = 0; read < content.size || held > 0;) {
    while (held < buffer.size() && read < content.size) {
      auto const got = (*reader)->read(read, std::span(buffer).subspan(held));
      if (!got) return got.error();
      held += *got;
      read += *got;
    }
    std::size_t used = 0;
    while (used < held && (read == content.size || held - used >= kChunkMax)) {
      auto const rest = std::span<std::byte const>(buffer).subspan(used, held - used);
      auto const length = cut_length(rest);
      chunks.push_back({chunk_hash(rest.first(length)), length});
      used += length;
    }
    std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(used), buffer.begin() + static_cast<std::ptrdiff_t>(held), buffer.begin());
    held -= used;
  }
  return chunks;
}

}  // namespace hubd::localhub
