// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands.h"

namespace hubd::cli {

void add_common_options(CLI::App& app, CommonOptions& common) {
  char const* const forms = "Formatting options";
  app.add_option("--format", common.format, "Output form: auto, human, agent, json or quiet")
      ->type_name("FORM")
      ->group(forms);
  app.add_flag("--json", common.json, "Same as --format json")->group(forms);
  app.add_flag("-q,--quiet", common.quiet, "Same as --format quiet: only the essential value")->group(forms);
  app.add_flag("--no-truncate", common.no_truncate, "Do not cut table cells to the terminal's width")->group(forms);
  char const* const daemon = "hubd options";
  app.add_option("--socket", common.socket,
                 "Socket of the hubd to ask (default: HUBD_SOCKET, else this user's, else the host's)")
      ->type_name("PATH")
      ->group(daemon);
  app.add_flag("--no-start", common.no_start, "Do not start hubd when none runs (also HUBD_NO_AUTOSTART=1)")
      ->group(daemon);
}

CLI::App* add_command(Registrar& registrar, CLI::App& parent, std::string const& name, std::string const& description,
                      std::string const& examples) {
  auto* const app = parent.add_subcommand(name, description);
  app->set_help_flag("-h,--help", "Show this message and exit");
  app->footer("Examples:\n" + examples);
  add_common_options(*app, registrar.common);
  return app;
}

CLI::App* add_group(CLI::App& parent, std::string const& name, std::string const& description) {
  auto* const app = parent.add_subcommand(name, description);
  app->set_help_flag("-h,--help", "Show this message and exit");
  return app;
}

CLI::Option* add_list(CLI::App& app, std::string const& names, std::vector<std::string>& values,
                      std::string const& description) {
  return app.add_option(names, values, description)->allow_extra_args(false)->type_name("TEXT");
}

void add_repo_options(CLI::App& app, std::string& type, std::string& revision) {
  app.add_option("--repo-type,--type", type, "Type of the repository: model (default), dataset, space or kernel")
      ->type_name("TYPE")
      ->check([](std::string const& text) {
        return repo_type_from(text) ? std::string() : "'" + text + "' is not model, dataset, space or kernel";
      });
  app.add_option("--revision", revision, "Branch, tag, refs/pr/N or commit (default: main)")->type_name("TEXT");
}

}  // namespace hubd::cli
