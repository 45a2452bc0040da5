// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "client/caller.h"

namespace hubd::cli {

/// A repo as the Hub describes it, in the names and order in which `hf` prints it: snake_case, dates in ISO form, what
/// is null left out, the metadata of the card as `card_data`. Keys that `hf` does not know are left out. Pure.
boost::json::object shape_repo(client::RepoType type, boost::json::object const& hub);

/// An entry of a tree: {"path", "size", "blob_id", ...} of a file, {"path", "tree_id", ...} of a folder. Pure.
boost::json::object shape_entry(boost::json::object const& hub);

/// "2026-01-01T00:00:00.120Z" as "2026-01-01T00:00:00.120000+00:00"; another text as it is.
std::string iso_date(std::string_view text);

}  // namespace hubd::cli
