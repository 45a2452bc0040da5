// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "client/admin.h"
#include "client/environment.h"
#include "client/error.h"

namespace hubd::cli {

/// The part of `hubctl doctor` that needs no hubd: what this process can see by itself. Quick; asks no network.

/// Does hubd's version fit ours? `auto_started`: who would be replaced by itself.
client::Check check_version(std::string_view ours, std::string_view hubds, bool auto_started);
/// No hubd answered: why, and what helps.
client::Check check_absent(client::Error const& error);
/// This caller's variables that change what downloads do: offline, a token that shadows the stored one.
std::vector<client::Check> check_variables(client::Variables const& variables);
/// The cache as this user sees it: may hubd make or use it, is there room?
std::vector<client::Check> check_cache(std::string const& root);

}  // namespace hubd::cli
