// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "client/transfers.h"

namespace hubd::cli {

/// Transfers as the verbs about them show them.
std::string_view name_of(client::Priority priority);
/// "acme/model", "datasets/acme/data".
std::string repo_text(client::Transfer const& transfer);
bool has_ended(client::Transfer const& transfer);
boost::json::object to_json(client::Transfer const& transfer);
boost::json::object to_json(client::TransferRange const& range);
/// "3.1 MB/s"; empty while nothing moves.
std::string rate_text(double rate);
/// "42%"; 100 only when all is there.
std::string share_text(client::Transfer const& transfer);
/// "hub.example (10.0.0.1) plain".
std::string route_text(client::TransferRange const& range);

}  // namespace hubd::cli
