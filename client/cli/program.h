// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace hubd::cli {

/// The name we were started under decides what scripts expect of us.
enum class Program {
  hubctl,
  hf,               ///< answers, errors and exit codes as `hf` 2.4 gives them
  huggingface_cli,  ///< as hf, and the spellings of releases before 1.0, each with a warning
};

/// `hf` 2.4's own version, which scripts compare: whose commands and forms we speak under its name.
inline constexpr char const* kHfVersion = "2.4.0";

/// From argv[0]; any other name than hf and huggingface-cli is hubctl.
Program program_from(std::string_view path);
std::string_view name_of(Program program);

/// A command line in today's spelling.
struct Spelled {
  std::vector<std::string> words;
  std::string warning;  ///< "": nothing was old
};

/// Rewrites commands that were renamed: `repo` (now `repos`), `repo-files delete`, and under the name huggingface-cli
/// `login`, `logout`, `whoami`, `scan-cache`, `delete-cache`, `tag`. Only the first words count, never values.
Spelled todays_spelling(Program program, std::vector<std::string> words);

}  // namespace hubd::cli
