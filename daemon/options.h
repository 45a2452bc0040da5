// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>

#include "daemon/config.h"

namespace hubd::daemon {

/// The command line, understood.
struct Options {
  ConfigSources sources;
};

/// Nothing when the program is to end with `exit_code` (help, version, a wrong flag; the text has been printed).
std::optional<Options> parse_command_line(int argc, char** argv, Environment environment, int& exit_code);

}  // namespace hubd::daemon
