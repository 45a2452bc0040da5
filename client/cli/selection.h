// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "client/caller.h"
#include "client/result.h"

namespace hubd::cli {

/// Which files a command line names, by `hf download`'s rules.
struct Selected {
  client::Selection selection;
  bool single_file = false;        ///< exactly one file is meant: its own path is the answer
  bool patterns_ignored = false;   ///< --include and --exclude do not count beside names
  std::vector<std::string> names;  ///< plain names among several: each should be there
};

/// None: everything, filtered. One name: that file. Several: patterns. A name that ends in '/': everything below it,
/// never together with patterns. `uri_path` is the path of an hf:// URI, a name of its own. Fails: bad_request.
client::Result<Selected> select_files(std::vector<std::string> names, std::string const& uri_path,
                                      std::vector<std::string> const& include, std::vector<std::string> const& exclude);

}  // namespace hubd::cli
