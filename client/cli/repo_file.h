// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/repo_name.h"
#include "client/cli/selection.h"
#include "client/result.h"

namespace hubd::cli {

/// One line of a file of repos.
struct RepoLine {
  std::size_t number = 0;  ///< from 1
  RepoName name;
  Selected selected;
};

/// Reads a file of repos: one `REPO[@REV] [PATTERNS...]` a line, words apart by blanks, "double quotes" around a word
/// with blanks, `#` begins a comment, empty lines count for nothing. No pattern: all files. One plain name: that file.
/// A name that ends in '/': that folder. Otherwise globs. Pure. Fails: bad_request; the first wrong line is named as
/// `source`:number. A file without a repo is wrong too.
client::Result<std::vector<RepoLine>> parse_repo_file(std::string_view text, std::string const& source);

/// The text of a file, "-" being standard input. Fails: io, bad_request (over 16 MiB).
client::Result<std::string> read_repo_file(std::string const& path);

}  // namespace hubd::cli
