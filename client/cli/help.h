// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace hubd::cli {

/// "hubctl cache ls": how a command is typed.
std::string full_name(CLI::App const& app);

/// Help as plain text, at most 100 columns: usage, description, arguments, options by group, commands, examples.
class HelpFormatter final : public CLI::FormatterBase {
 public:
  std::string make_help(CLI::App const* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace hubd::cli
