// SPDX-License-Identifier: Apache-2.0
#include "client/cli/selection.h"

#include <algorithm>

namespace hubd::cli {

client::Result<Selected> select_files(std::vector<std::string> names, std::string const& uri_path,
                                      std::vector<std::string> const& include,
                                      std::vector<std::string> const& exclude) {
  auto const wrong = [](std::string sentence) {
    return client::make_error(client::ErrorKind::bad_request, std::move(sentence));
  };
  if (!uri_path.empty()) {
    if (!names.empty()) return wrong("the hf:// URI names a file already; leave the other names out");
    names.push_back(uri_path);
  }
  Selected selected;
  if (names.empty()) {
    if (!include.empty()) selected.selection.allow = include;
    selected.selection.ignore = exclude;
    return selected;
  }
  bool const patterns = !include.empty() || !exclude.empty();
  bool const folders = std::any_of(names.begin(), names.end(), [](auto const& name) { return name.ends_with('/'); });
  if (folders && patterns)
    return wrong("a folder (a name ending in '/') cannot be combined with --include or --exclude");
  selected.patterns_ignored = patterns;
  if (names.size() == 1 && !folders) {
    selected.single_file = true;
    selected.selection.files = std::move(names);
    return selected;
  }
  for (auto const& name : names)
    if (!name.ends_with('/') && name.find_first_of("*?[") == std::string::npos) selected.names.push_back(name);
  selected.selection.allow = std::move(names);
  return selected;
}

}  // namespace hubd::cli
