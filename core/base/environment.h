// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace hubd {

/// Environment variables by name, as they were at start; tests make their own.
using Environment = std::map<std::string, std::string, std::less<>>;

/// This process's. Not while another thread changes them.
Environment process_environment();
/// The value, or "" when unset.
std::string_view variable(Environment const& environment, std::string_view name);
/// $HOME, else what the user database says, else "/".
std::string home_folder(Environment const& environment);
/// `~` and, at any place, `$VAR` and `${VAR}`, as Python's expanduser and expandvars do: an unknown variable stays. The
/// result may still be relative.
std::string expand_path(std::string path, Environment const& environment);

}  // namespace hubd
