// SPDX-License-Identifier: Apache-2.0
#include "client/cli/commands.h"

#include <algorithm>

#include "client/cli/text.h"

namespace hubd::cli {

void add_common_options(CLI::App& app, CommonOptions& common) {
  char const* const forms = "Formatting options";
  app.add_option("--format", common.format, "Output form (default: auto, which is human)")
      ->type_name("auto|human|agent|json|quiet")
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

CLI::Option* add_choice(CLI::App& app, std::string const& names, std::string& value, std::string const& description,
                        std::vector<std::string> const& choices) {
  return app.add_option(names, value, description)
      ->type_name(join(choices, "|"))
      ->check([choices](std::string const& text) {
        bool const known = std::find(choices.begin(), choices.end(), text) != choices.end();
        return known ? std::string() : "'" + text + "' is not one of " + join(choices, ", ");
      });
}

CLI::Option* add_type(CLI::App& app, std::string& type) {
  return app.add_option("--repo-type,--type", type, "Type of the repository (default: model)")
      ->type_name("model|dataset|space|kernel")
      ->check([](std::string const& text) {
        return repo_type_from(text) ? std::string() : "'" + text + "' is not model, dataset, space or kernel";
      });
}

CLI::Option* add_from(CLI::App& app, std::string& file) {
  return app
      .add_option(
          "--from", file,
          "Take many repositories from a file instead, one REPO[@REV] [PATTERNS...] a line; # begins a comment, - is "
          "standard input")
      ->type_name("FILE");
}

std::string clash_with_from(std::vector<std::pair<std::string, bool>> const& given) {
  for (auto const& [name, is_given] : given)
    if (is_given) return name + " does not go with --from: each line of the file says it for itself";
  return "";
}

CLI::Option* add_priority(CLI::App& app, std::string& name) {
  return add_choice(app, "--priority", name,
                    "How much it matters beside other transfers of this host (default: HUBD_PRIORITY, else normal)",
                    {"interactive", "normal", "background"});
}

CLI::Option* add_timeout(CLI::App& app, std::chrono::milliseconds& limit) {
  auto const take = [&limit](std::string const& text) {
    auto const seconds = parse_duration(text);
    if (!seconds || *seconds <= 0) throw CLI::ValidationError("--timeout", "'" + text + "' is no duration, as 90 or 10m are");
    limit = std::chrono::seconds(*seconds);
  };
  return app.add_option_function<std::string>("--timeout", take, "Give up waiting after so long, in seconds or as 10m, 2h (default: never)")
      ->type_name("DURATION");
}

CLI::Option* add_token(CLI::App& app, std::string& token) {
  return app.add_option("--token", token, "Access token for this call instead of the stored one (HF_TOKEN is safer)")
      ->type_name("TEXT");
}

void add_repo_options(CLI::App& app, std::string& type, std::string& revision) {
  add_type(app, type);
  app.add_option("--revision", revision, "Branch, tag, refs/pr/N or commit (default: main)")->type_name("TEXT");
}

}  // namespace hubd::cli
