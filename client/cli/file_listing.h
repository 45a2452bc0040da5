// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/array.hpp>
#include <string>
#include <vector>

namespace hubd::cli {

/// Lines for a listing of shaped tree entries (hub_shape.h): size, date of the last commit, path; a folder's path ends
/// in
/// '/'. `human` sizes are "1.2 MB" and dates "Jan 02 15:04". Names never steer the terminal. Pure.
std::vector<std::string> listing_lines(boost::json::array const& entries, bool human);

/// The same as a drawn tree; `bare` leaves size and date out, `unicode` draws with box characters. Pure.
std::vector<std::string> tree_lines(boost::json::array const& entries, bool human, bool bare, bool unicode);

/// Paths only, folders with a '/' at the end.
std::vector<std::string> listing_paths(boost::json::array const& entries);

bool is_folder(boost::json::value const& entry);

}  // namespace hubd::cli
