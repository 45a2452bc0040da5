// SPDX-License-Identifier: Apache-2.0
#include "core/xet/xorb_writer.h"

#include <cassert>
#include <utility>

#include "core/xet/limits.h"

namespace hubd::xet {
namespace {

constexpr std::size_t kSmall = 4U << 20U;  // most xorbs of one small file stay below

}  // namespace

bool XorbWriter::fits(Bytes size) const {
  auto const count = index_.chunks.size() + 1;
  return count <= kXorbChunksMax && index_.size() + size + kChunkHeadSize * count <= kXorbSizeMax;
}

void XorbWriter::add(std::span<std::byte const> chunk, MerkleHash const& hash) {
  assert(fits(chunk.size()) && "ask fits() first");
  // Growing by copies would cost more than packing; pages that stay untouched cost nothing.
  if (body_.size() + kChunkHeadSize + chunk.size() > body_.capacity()) body_.reserve(body_.empty() ? kSmall : kXorbSizeMax);
  auto const end = index_.size() + chunk.size();
  append_chunk(chunk, chooser_.choose(chunk), body_);
  index_.chunks.push_back({hash, static_cast<std::uint32_t>(end), static_cast<std::uint32_t>(body_.size())});
}

XorbWriter::Xorb XorbWriter::finish() {
  Xorb xorb{std::exchange(index_, {}), std::exchange(body_, {})};
  xorb.index.xorb = xorb.index.computed();
  chooser_.begin_section();
  return xorb;
}

}  // namespace hubd::xet
