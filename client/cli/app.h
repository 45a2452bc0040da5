// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "client/cli/program.h"
#include "client/environment.h"

namespace hubd::cli {

/// hubctl without the process around it: `arguments` without the program's name. Returns the exit code.
int run(std::vector<std::string> const& arguments, client::Variables variables, std::ostream& out, std::ostream& err,
        Program program = Program::hubctl);

}  // namespace hubd::cli
