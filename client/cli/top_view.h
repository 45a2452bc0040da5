// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/object.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "client/admin.h"
#include "client/transfers.h"

namespace hubd::cli {

/// One look at hubd: what moves, beside the budgets.
struct TopFrame {
  client::Overview overview;
  client::Status status;
};

/// As lines of at most `width` columns: the budgets first, then routes and transfers. With a `height`, no more lines than that:
/// transfers that have no room are counted in the last one. 0: no limit.
std::vector<std::string> top_lines(TopFrame const& frame, std::size_t width, std::size_t height);
boost::json::object top_json(TopFrame const& frame);

}  // namespace hubd::cli
