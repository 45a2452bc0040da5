// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "client/cli/exit_code.h"
#include "client/cli/repo_name.h"
#include "client/cli/session.h"

namespace hubd::cli {

/// What the parsed command line asks for; runs after parsing.
using Action = std::function<ExitCode(Session&)>;

/// Where the commands register themselves.
struct Registrar {
  CLI::App& root;
  CommonOptions& common;  ///< filled by the flags of whichever command runs
  Action& action;         ///< set by the command that was named
};

/// A leaf command below `parent` with the flags that every command has.
CLI::App* add_command(Registrar& registrar, CLI::App& parent, std::string const& name, std::string const& description,
                      std::string const& examples);
/// A command that only holds others.
CLI::App* add_group(CLI::App& parent, std::string const& name, std::string const& description);
/// --format, --json, --quiet, --no-truncate, --socket, --no-start.
void add_common_options(CLI::App& app, CommonOptions& common);
/// An option that may be repeated and takes one value each time.
CLI::Option* add_list(CLI::App& app, std::string const& names, std::vector<std::string>& values,
                      std::string const& description);
/// An option that takes one of `choices`, which help and completion show.
CLI::Option* add_choice(CLI::App& app, std::string const& names, std::string& value, std::string const& description,
                        std::vector<std::string> const& choices);
/// --repo-type and --type.
CLI::Option* add_type(CLI::App& app, std::string& type);
/// --repo-type, --type and --revision.
void add_repo_options(CLI::App& app, std::string& type, std::string& revision);
/// --from, beside which REPO_ID is not needed.
CLI::Option* add_from(CLI::App& app, std::string& file);
/// The sentence when something was given that each line of a --from file says for itself; "" when nothing was.
std::string clash_with_from(std::vector<std::pair<std::string, bool>> const& given);
/// The same for the options that `download` and `plan` both have.
template <class Options>
std::string clash_with_from(Options const& options) {
  return clash_with_from(std::vector<std::pair<std::string, bool>>{{"REPO_ID", !options.repo.empty()},
                                                                   {"--type", !options.type.empty()},
                                                                   {"--revision", !options.revision.empty()},
                                                                   {"--include", !options.include.empty()},
                                                                   {"--exclude", !options.exclude.empty()},
                                                                   {"--local-dir", !options.local_dir.empty()}});
}
/// --priority; "" when it is not given: HUBD_PRIORITY says, or normal.
CLI::Option* add_priority(CLI::App& app, std::string& name);
/// --timeout; 0 when it is not given.
CLI::Option* add_timeout(CLI::App& app, std::chrono::milliseconds& limit);
/// --token.
CLI::Option* add_token(CLI::App& app, std::string& token);

// One per file.
void add_download(Registrar& registrar);
void add_plan(Registrar& registrar);
void add_ready(Registrar& registrar);
void add_transfers(Registrar& registrar);
void add_why(Registrar& registrar);
void add_top(Registrar& registrar);
void add_auth(Registrar& registrar);
void add_cache(Registrar& registrar);
void add_store(Registrar& registrar);
void add_doctor(Registrar& registrar);
void add_probe(Registrar& registrar);
void add_status(Registrar& registrar);
void add_config(Registrar& registrar);
void add_hash(Registrar& registrar);
void add_repos_read(Registrar& registrar);
void add_environment(Registrar& registrar);
void add_completion(Registrar& registrar);

}  // namespace hubd::cli
