// SPDX-License-Identifier: Apache-2.0
// doctor: why does it not work here?
#include <algorithm>
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/local_checks.h"
#include "client/cli/text.h"
#include "client/cli/version.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using Checks = std::vector<client::Check>;

struct Options {
  std::string repo;
  std::string type;
  std::string revision;
  std::string token;
};

void append(Checks& checks, Checks more) {
  for (auto& check : more) checks.push_back(std::move(check));
}

ExitCode show(Output& output, Checks const& checks) {
  bool const broken = std::any_of(checks.begin(), checks.end(), [](auto const& check) { return check.level == "fail"; });
  if (output.mode() == Mode::human) {
    for (auto const& check : checks) {
      std::string line = check.level + std::string(6 - std::min<std::size_t>(check.level.size(), 5), ' ') + check.check;
      line += std::string(line.size() < 20 ? 20 - line.size() : 1, ' ');
      output.text(line + printable(check.what));
      if (!check.remedy.empty()) output.text(std::string(20, ' ') + "-> " + printable(check.remedy));
    }
  } else if (output.mode() == Mode::json) {
    json::array list;
    for (auto const& check : checks)
      list.push_back(json::object{{"check", check.check}, {"level", check.level}, {"what", check.what}, {"remedy", check.remedy}});
    output.object({{"ok", json::value(!broken)}, {"checks", std::move(list)}});
  } else {
    Table table{{"level", "check", "what", "remedy"}, {}};
    for (auto const& check : checks) {
      if (output.mode() == Mode::quiet && check.level == "ok") continue;
      table.rows.push_back({json::value(check.level), json::value(check.check), json::value(check.what), json::value(check.remedy)});
      table.quiet.push_back(check.level + " " + check.check);
    }
    if (!table.rows.empty()) output.table(table);
  }
  return broken ? ExitCode::error : ExitCode::ok;
}

ExitCode run(Session& session, Options const& options) {
  client::Repo repo;
  if (!options.repo.empty()) {
    auto const name = parse_repo_at(options.repo, options.type, options.revision);
    if (!name) return session.usage(name.error());
    repo = name->repo;
  }
  session.warn_about_token(options.token);
  auto const caller = session.caller({}, options.token);
  Checks checks;
  auto const client = session.connect();
  if (!client) {
    checks.push_back(check_absent(client.error()));
    append(checks, check_variables(session.variables()));
    append(checks, check_cache(caller.cache_root.empty() ? client::cache_root(session.variables()) : caller.cache_root));
    return show(session.output(), checks);
  }
  auto const& hello = (*client)->hello();
  checks.push_back({"daemon", "ok", "hubd (pid " + std::to_string(hello.pid) + ") at " + (*client)->socket() + " owns " + hello.cache_root, ""});
  checks.push_back(check_version(kVersion, hello.version, hello.auto_started));
  append(checks, check_variables(session.variables()));
  auto examined = (*client)->examine(caller, repo);
  if (examined)
    append(checks, std::move(*examined));
  else
    checks.push_back({"examination", "fail", examined.error().message,
                      examined.error().kind == client::ErrorKind::foreign_cache ? "let HF_HUB_CACHE and hubd's cache.root name one folder"
                                                                                : "look at hubd's log; `hubctl stop`, then try again"});
  return show(session.output(), checks);
}

}  // namespace

void add_doctor(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const app = add_command(registrar, registrar.root, "doctor",
                                "Examine what downloads need: names, TLS, proxy, clock, disk, permissions, token, rate limits, both\n"
                                "routes. Each line says ok, warn or fail, and what helps. Takes at most 20 s.\n"
                                "Exit code 0: nothing fails; 1: something does.",
                                "  hubctl doctor\n  hubctl doctor org/model --json");
  app->add_option("repo", options->repo, "The repository to try the routes with (default: one that is cached)")->type_name("REPO[@REV]");
  add_repo_options(*app, options->type, options->revision);
  add_token(*app, options->token);
  app->callback([&registrar, options] { registrar.action = [options](Session& session) { return run(session, *options); }; });
}

}  // namespace hubd::cli
