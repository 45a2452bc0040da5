// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/result.h"

namespace hubd::cli {

/// What a filter or a sort key looks at: a cached repo, or one revision of it.
struct CacheRow {
  std::string id;  ///< "model/ns/name"
  std::string type;
  std::string revision;  ///< with --revisions
  std::uint64_t size = 0;
  std::int64_t accessed_unix = 0;  ///< 0: not known
  std::int64_t modified_unix = 0;
  std::vector<std::string> refs;
  std::string repo_id;
  std::string snapshot_path;
};

/// `hf cache ls -f`: KEY OP VALUE with the keys size, accessed, modified (an age: accessed>30d = longer ago than 30
/// days), type and refs (only =).
class CacheFilter {
 public:
  /// Fails: bad_request.
  static client::Result<CacheFilter> parse(std::string_view text);
  [[nodiscard]] bool matches(CacheRow const& row, std::int64_t now_unix) const;

 private:
  enum class Key { size, accessed, modified, type, refs };
  enum class Compare { equal, differs, above, below, at_least, at_most };
  Key key_ = Key::size;
  Compare compare_ = Compare::equal;
  std::int64_t number_ = 0;
  std::string text_;
};

/// `--sort`: accessed, modified, size (default descending), name (default ascending), each with :asc or :desc.
/// Fails: bad_request.
client::Result<void> sort_rows(std::vector<CacheRow>& rows, std::string_view order);

}  // namespace hubd::cli
