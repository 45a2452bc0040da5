// SPDX-License-Identifier: Apache-2.0
#include "client/cli/help.h"

#include <algorithm>
#include <sstream>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

constexpr std::size_t kColumn = 30, kWidth = 100;

/// "  names    text", the text wrapped behind its column.
std::string entry(std::string const& names, std::string const& text) {
  auto line = "  " + names;
  if (text_width(line) + 2 > kColumn)
    line += "\n" + std::string(kColumn, ' ');
  else
    line += std::string(kColumn - text_width(line), ' ');
  std::size_t at = kColumn;
  std::istringstream words(text);
  std::string word;
  while (words >> word) {
    bool const first = at == kColumn;
    if (!first && at + 1 + text_width(word) > kWidth) {
      line += "\n" + std::string(kColumn, ' ') + word;
      at = kColumn + text_width(word);
    } else {
      line += (first ? "" : " ") + word;
      at += text_width(word) + (first ? 0 : 1);
    }
  }
  return line + "\n";
}

std::string option_names(CLI::Option const& option) {
  std::vector<std::string> names;
  for (auto const& name : option.get_snames()) names.push_back("-" + name);
  for (auto const& name : option.get_lnames()) names.push_back("--" + name);
  auto text = join(names, ", ");
  if (option.get_type_size() != 0 && !option.get_type_name().empty()) {
    auto const& type = option.get_type_name();
    text += " " + type.substr(0, type.find(':'));
  }
  return text;
}

/// What every command has stands last.
bool is_common(std::string const& group) {
  return group == "Formatting options" || group == "hubd options";
}

std::string usage(CLI::App const& app) {
  auto text = "Usage: " + full_name(app) + " [OPTIONS]";
  for (auto const* const option : app.get_options()) {
    if (!option->get_positional()) continue;
    auto name = option->get_type_name();
    if (option->get_expected_max() > 1) name += "...";
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  if (!app.get_subcommands([](CLI::App const*) { return true; }).empty()) text += " COMMAND";
  return text + "\n";
}

}  // namespace

std::string full_name(CLI::App const& app) {
  auto const* const parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

std::string HelpFormatter::make_help(CLI::App const* app, std::string, CLI::AppFormatMode) const {
  auto text = usage(*app) + "\n" + app->get_description() + "\n";
  std::string arguments;
  for (auto const* const option : app->get_options())
    if (option->get_positional()) arguments += entry(option->get_type_name(), option->get_description());
  if (!arguments.empty()) text += "\nArguments:\n" + arguments;
  std::string commands;
  for (auto const* const child : app->get_subcommands([](CLI::App const*) { return true; })) {
    auto const& aliases = child->get_aliases();
    auto const& whole = child->get_description();
    commands += entry(child->get_name() + (aliases.empty() ? "" : " | " + join(aliases, " | ")),
                      whole.substr(0, whole.find('\n')));
  }
  if (!commands.empty()) text += "\nCommands:\n" + commands;
  std::vector<std::string> groups;  // what is its own first, then what all commands have
  for (bool const common : {false, true})
    for (auto const& group : app->get_groups())
      if (is_common(group) == common) groups.push_back(group);
  for (auto const& group : groups) {
    std::string options;
    for (auto const* const option : app->get_options())
      if (option->get_group() == group && option->nonpositional())
        options += entry(option_names(*option), option->get_description());
    if (!options.empty()) text += "\n" + group + ":\n" + options;
  }
  if (app->get_footer().empty()) return text;
  auto const root = full_name(*app).substr(0, full_name(*app).find(' '));
  auto footer = app->get_footer();
  if (app->get_parent() != nullptr)  // examples are typed as this program is called
    for (auto at = footer.find("hubctl "); at != std::string::npos; at = footer.find("hubctl ", at + root.size()))
      footer.replace(at, 6, root);
  return text + "\n" + footer + "\n";
}

}  // namespace hubd::cli
