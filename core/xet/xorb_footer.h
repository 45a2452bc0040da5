// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/xet/xorb_index.h"

namespace hubd::xet {

// The footer of a stored xorb, which uploads lack (xet-protocol 3.4, 3.5). Behind it stands its length in 4 bytes, by
// which it is found from the end. Pure, thread-safe.

inline constexpr std::size_t kXorbFooterTail = 4;  ///< the length behind the footer
inline constexpr Bytes kXorbFooterMax = 92 + 40 * 8192;

enum class XorbFooterVersion : std::uint8_t {
  v0 = 0,  ///< legacy: no unpacked ends
  v1 = 1,
};

struct XorbFooter {
  XorbFooterVersion version = XorbFooterVersion::v1;
  XorbIndex index;  ///< of v0 all `end` are 0: the records have them
};

/// Where the footer of a stored xorb of `size` bytes begins, from its last 4 bytes. Fails: bad_upstream.
Result<Extent> find_xorb_footer(std::span<std::byte const, kXorbFooterTail> tail, Bytes size);
/// `bytes` are exactly the footer, without the length behind it, which began at `offset` of the xorb. Offsets that do
/// not grow, or records that do not end where the footer begins, are refused; so is a claim of more chunks than the
/// bytes hold, before anything is allocated. Fails: bad_upstream naming offset and field.
Result<XorbFooter> parse_xorb_footer(std::span<std::byte const> bytes, Bytes offset);
/// The footer and its length. The index is whole.
std::vector<std::byte> xorb_footer(XorbIndex const& index, XorbFooterVersion version = XorbFooterVersion::v1);

}  // namespace hubd::xet
