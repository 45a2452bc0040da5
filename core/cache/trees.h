// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/base/listing.h"
#include "core/base/random.h"
#include "core/fs/file_system.h"

namespace hubd::cache {

/// The text of trees/<commit>.json (hub-files 9.7), byte for byte as the stock client writes it; `listing` in any order.
/// Nothing when it must not be stored: a masked or malformed Xet hash, or a path that is not UTF-8.
std::optional<std::string> encode_tree(Listing listing);
/// The reverse, sorted by path; the text comes from anybody. Nothing when malformed, of another version, with a Xet hash
/// that is not 64 hex digits, or with a path that leaves the repo.
std::optional<Listing> parse_tree(std::string_view text);

/// Reads such a file; nothing when absent, unusable, or larger than 128 MiB. Fails: io, permission_denied.
Result<std::optional<Listing>> read_tree_file(fs::FileSystem& files, std::string const& path);
/// Writes it with mode 0600, as the stock client does, by temporary + rename and durably; the folder must be there.
/// Nothing when encode_tree gives nothing. Fails: local_entry_not_found, disk_full, io, permission_denied.
Result<void> write_tree_file(fs::FileSystem& files, Random& random, std::string const& path, Listing const& listing);

}  // namespace hubd::cache
