// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace hubd::cli {

/// Is a git credential helper configured for this user?
bool has_git_credential_helper();
/// Hands the token to git's helper, for git operations with the Hub at `endpoint`. The token travels by standard input.
/// False when git is missing or refuses.
bool approve_git_credential(std::string const& endpoint, std::string const& token);
/// Makes git's helper forget what it has for the Hub at `endpoint`. False when git is missing or refuses.
bool reject_git_credential(std::string const& endpoint);

}  // namespace hubd::cli
