// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/value.hpp>
#include <span>
#include <utility>
#include <vector>

#include "tests/localhub/cas/xet_hash.h"

namespace hubd::localhub {

/// The summary of a run of leaves whose neighbours are unknown, in its wire form.
boost::json::value subtree_json(std::vector<TreeNode> leaves, bool at_start, bool at_end);

/// The parts of a file, as chunk numbers [first, end), that an edit of the byte ranges [from, to) makes chunk anew.
std::vector<std::pair<std::size_t, std::size_t>> edit_windows(std::span<TreeNode const> chunks,
                                                              std::vector<std::pair<Bytes, Bytes>> dirty);

}  // namespace hubd::localhub
