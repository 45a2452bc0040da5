// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hubd::cli {

/// What may stand where the cursor is.
struct Completion {
  struct Candidate {
    std::string word;
    std::string description;
  };
  enum class Paths { none, files, folders };

  std::vector<Candidate> candidates;
  Paths paths = Paths::none;  ///< the shell offers its own paths too
};

/// `words` are those behind the program's name, the last one unfinished and often empty. Everything comes from the tree
/// of commands: their names, their options and what those take. Pure.
Completion complete(CLI::App const& root, std::vector<std::string> const& words);

/// The script that makes `shell` (bash, zsh, fish) ask `program complete`. Empty for another shell.
std::string completion_script(std::string const& shell, std::string const& program);

}  // namespace hubd::cli
