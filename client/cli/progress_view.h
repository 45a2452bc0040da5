// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "client/downloads.h"

namespace hubd::cli {

/// How far a transfer is, as text. Pure: what is drawn depends on the arguments alone.
struct ProgressView {
  std::string label;       ///< the repo
  std::size_t width = 80;  ///< no line is longer
  std::size_t files_max = 3;
  bool unicode = true;
};

/// The overall bar, then what it waits for, then up to `files_max` lines of files in flight.
std::vector<std::string> bar_lines(ProgressView const& view, client::Progress const& progress);
/// One line without a bar, for logs: "acme/model: 45 % of 25.0 MB, 4.0 MB/s, 3 s left, 2 of 23 files".
std::string plain_line(ProgressView const& view, client::Progress const& progress);

}  // namespace hubd::cli
