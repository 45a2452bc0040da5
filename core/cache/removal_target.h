// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hubd::cache {

/// One target of a removal as a person names it (hub-files 14.3).
struct RemovalTarget {
  std::string commit;  ///< 40 lower-case hex digits; empty: the target is a repo or a file of it
  std::string repo;    ///< "model/ns/name" in lower case: what targets of any case are compared by
  std::string path;    ///< of a single file; empty: the whole repo
};

/// "model/ns/name", a commit, "hf://models/ns/name" or "hf://models/ns/name/some/file" ("models/" may be left out). What is
/// none of these is still a repo name, which no cache holds. Fails: bad_request, for an `hf://` URI that cannot be meant.
Result<RemovalTarget> parse_removal_target(std::string_view text);

}  // namespace hubd::cache
