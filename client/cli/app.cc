// SPDX-License-Identifier: Apache-2.0
#include "client/cli/app.h"

#include <algorithm>
#include <memory>
#include <ostream>

#include "client/cli/commands.h"
#include "client/cli/completer.h"
#include "client/cli/help.h"
#include "client/cli/text.h"
#include "client/cli/version.h"

namespace hubd::cli {
namespace {

/// The words up to the first one that is no command: "cache", "ls".
struct Named {
  CLI::App* app;          ///< the last command of the path
  std::size_t words = 0;  ///< of the path
  std::string unknown{};  ///< the word where a command was expected
};

CLI::App* find_command(CLI::App& app, std::string const& name) {
  for (auto* const child : app.get_subcommands([](CLI::App const*) { return true; })) {
    auto const& aliases = child->get_aliases();
    if (child->get_name() == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return child;
  }
  return nullptr;
}

std::vector<std::string> command_names(CLI::App const& app) {
  std::vector<std::string> names;
  for (auto const* const child : app.get_subcommands([](CLI::App const*) { return true; })) {
    names.push_back(child->get_name());
    for (auto const& alias : child->get_aliases()) names.push_back(alias);
  }
  return names;
}

Named named_command(CLI::App& root, std::vector<std::string> const& arguments) {
  Named named{&root};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto const& word = arguments[i];
    if (word == "--") break;
    if (word.starts_with('-')) {
      if (word == "--socket" || word == "--format") ++i;  // its value
      continue;
    }
    if (command_names(*named.app).empty()) break;
    auto* const child = find_command(*named.app, word);
    if (child == nullptr) {
      named.unknown = word;
      break;
    }
    named.app = child;
    ++named.words;
  }
  return named;
}

std::string unknown_command(Named const& named) {
  auto const near = nearest(named.unknown, command_names(*named.app));
  auto names = command_names(*named.app);
  return "no such command '" + named.unknown + "'" + (near ? "; did you mean '" + *near + "'?" : ".") +
         " Commands of " + full_name(*named.app) + ": " + join(names, ", ");
}

/// What was left over: unknown flags with the nearest known one, or words too many.
std::string unexpected(CLI::App& app) {
  std::vector<std::string> flags;
  for (auto const* const option : app.get_options())
    for (auto const& name : option->get_lnames()) flags.push_back("--" + name);
  for (auto const& word : app.remaining(true)) {
    if (!word.starts_with('-')) continue;
    auto const bare = word.substr(0, word.find('='));
    auto const near = nearest(bare, flags);
    return "no such option '" + bare + "'" + (near ? "; did you mean '" + *near + "'?" : ";") + " `" + full_name(app) +
           " --help` lists them";
  }
  auto const left = app.remaining(true);
  return left.empty() ? "the command line is not complete" : "'" + left.front() + "' is one argument too many";
}

/// The words of CLI11's errors, as one sentence.
std::string sentence_of(CLI::ParseError const& error, CLI::App& app) {
  if (dynamic_cast<CLI::ExtrasError const*>(&error) != nullptr) return unexpected(app);
  std::string text = error.what();
  while (text.ends_with('\n') || text.ends_with('.')) text.pop_back();
  return text + "; see `" + full_name(app) + " --help`";
}

bool wants_json(std::vector<std::string> const& arguments) {
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (arguments[i] == "--json" || arguments[i] == "--format=json") return true;
    if (arguments[i] == "--format" && i + 1 < arguments.size() && arguments[i + 1] == "json") return true;
  }
  return false;
}

void register_commands(Registrar& registrar) {
  add_download(registrar);
  add_plan(registrar);
  add_ready(registrar);
  add_transfers(registrar);
  add_why(registrar);
  add_top(registrar);
  add_cache(registrar);
  add_store(registrar);
  add_auth(registrar);
  add_status(registrar);
  add_doctor(registrar);
  add_probe(registrar);
  add_config(registrar);
  add_hash(registrar);
  add_repos_read(registrar);
  add_environment(registrar);
  add_completion(registrar);
}

/// One candidate a line, its description behind a tab; ":files" and ":folders" ask the shell for its own paths too.
int answer_shell(CLI::App const& root, std::vector<std::string> const& words, std::ostream& out) {
  auto const completion = complete(root, words);
  for (auto const& [word, description] : completion.candidates)
    out << word << (description.empty() ? "" : "\t" + description) << '\n';
  if (completion.paths == Completion::Paths::files) out << ":files\n";
  if (completion.paths == Completion::Paths::folders) out << ":folders\n";
  out.flush();
  return static_cast<int>(ExitCode::ok);
}

/// What the start-up file of a shell with hf's completion asks for: `_HF_COMPLETE=bash_source hf`.
std::string script_asked_for(Program program, client::Variables const& variables) {
  std::string_view constexpr ending = "_source";
  auto const asked = std::string(client::variable(variables, "_HF_COMPLETE"));
  if (program == Program::hubctl || !asked.ends_with(ending)) return "";
  return completion_script(asked.substr(0, asked.size() - ending.size()), std::string(name_of(program)));
}

bool is_group(CLI::App const& app) {
  auto const children = command_names(app);
  return !children.empty() && app.get_name() != "config";
}

}  // namespace

int run(std::vector<std::string> const& typed, client::Variables variables, std::ostream& out, std::ostream& err,
        Program program) {
  auto const spelled = todays_spelling(program, typed);
  auto const& arguments = spelled.words;
  CLI::App root("Files of the Hugging Face Hub, fetched once by hubd for every process of this host.",
                std::string(name_of(program)));
  CommonOptions common;
  Action action;
  Registrar registrar{root, common, action};
  root.formatter(std::make_shared<HelpFormatter>());
  root.set_help_flag("-h,--help", "Show this message and exit");
  auto const* const version = program == Program::hubctl ? kVersion : kHfVersion;
  root.set_version_flag("-v,--version", version, "Print the version and exit");
  root.footer("The commands of `hf` keep their names, flags and output forms. Documentation: docs/cli.md");
  register_commands(registrar);
  add_common_options(root, common);

  bool const asked_by_shell = arguments.size() >= 2 && arguments[0] == "complete" && arguments[1] == "--";
  if (asked_by_shell) return answer_shell(root, {arguments.begin() + 2, arguments.end()}, out);
  if (auto const script = script_asked_for(program, variables); !script.empty()) {
    out << script << std::flush;
    return static_cast<int>(ExitCode::ok);
  }
  Session session(program, std::move(variables), out, err);
  auto const finish = [&](ExitCode code) {
    out.flush();
    err.flush();
    return static_cast<int>(code);
  };
  auto const usage = [&](std::string const& sentence) {
    CommonOptions form;
    form.json = wants_json(arguments);
    (void)session.settle(form).has_value();
    return finish(session.usage(sentence));
  };

  if (!spelled.warning.empty()) session.output().warning(spelled.warning);
  auto const named = named_command(root, arguments);
  if (!named.unknown.empty()) return usage(unknown_command(named));
  if (is_group(*named.app) && arguments.size() == named.words) {
    err << named.app->help();
    return finish(ExitCode::usage);
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    root.parse(reversed);
  } catch (CLI::CallForHelp const&) {
    out << named.app->help();
    return finish(ExitCode::ok);
  } catch (CLI::CallForVersion const&) {
    out << version << '\n';
    return finish(ExitCode::ok);
  } catch (CLI::RequiredError const& error) {
    if (arguments.size() != named.words) return usage(sentence_of(error, *named.app));
    out << named.app->help();  // as hf: a command that lacks everything explains itself
    return finish(ExitCode::ok);
  } catch (CLI::ParseError const& error) {
    return usage(sentence_of(error, *named.app));
  }
  auto const settled = session.settle(common);
  if (!settled) return finish(session.usage(settled.error()));
  return finish(action ? action(session) : session.usage("name a command; see `" + root.get_name() + " --help`"));
}

}  // namespace hubd::cli
