// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace hubd {

/// One file of a commit's listing: what the Hub's tree says, and what trees/<commit>.json stores (hub-files 9.7).
struct ListedFile {
  std::string path;
  Bytes size = 0;          ///< of the content, also for LFS
  std::string blob_id;     ///< git blob sha1 (of the pointer text for LFS)
  std::string lfs_sha256;  ///< empty: a regular file
  std::string xet_hash;    ///< empty: not Xet-backed; 64 '*': masked

  /// The name of its blob in the cache and the hash of its bytes.
  [[nodiscard]] std::string const& etag() const { return lfs_sha256.empty() ? blob_id : lfs_sha256; }
  friend bool operator==(ListedFile const&, ListedFile const&) = default;
};

/// Every file of a commit, sorted by path.
using Listing = std::vector<ListedFile>;

}  // namespace hubd
