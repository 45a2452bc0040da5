// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/xet/hashes.h"

namespace hubd::vectors {

using Buffer = std::vector<std::byte>;

/// The bytes that a generator of the vectors describes; `document` holds the named ones. Throws for what it does not
/// know.
Buffer make_input(boost::json::value const& generator, boost::json::object const& document);
Buffer splitmix64(std::uint64_t seed, std::size_t size);
Buffer from_hex_text(std::string const& hex);
std::string hex_of(std::span<std::byte const> bytes);
std::string sha256_of(std::span<std::byte const> bytes);
xet::MerkleHash hash_of(boost::json::value const& text);

struct CutFile {
  std::vector<xet::HashedSize> chunks;
  std::vector<Bytes> boundaries() const;  ///< 0 and the end of each chunk
};
/// Fed in pieces of several sizes that must agree.
CutFile cut(std::span<std::byte const> bytes);

}  // namespace hubd::vectors
