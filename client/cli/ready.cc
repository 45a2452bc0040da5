// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/text.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::ErrorKind;

struct Options {
  std::string repo;
  std::string type;
  std::string revision;
  std::vector<std::string> patterns;
  std::string cache_dir;
};

json::array to_json(std::vector<std::string> const& names) {
  json::array array;
  for (auto const& name : names) array.emplace_back(name);
  return array;
}

ExitCode show(Session& session, std::string const& repo, client::Readiness const& readiness) {
  auto& output = session.output();
  auto const code = readiness.ready ? ExitCode::ok : ExitCode::not_ready;
  if (output.mode() == Mode::json) {
    output.object({{"ready", json::value(readiness.ready)},
                   {"commit", json::value(readiness.commit)},
                   {"files", json::value(readiness.files_total)},
                   {"missing", to_json(readiness.missing)},
                   {"unverified", to_json(readiness.unverified)},
                   {"reason", json::value(readiness.reason)}});
    return code;
  }
  if (readiness.ready) {
    if (output.mode() == Mode::quiet)
      output.raw(readiness.commit);
    else
      output.result("Ready",
                    {{"commit", json::value(readiness.commit)}, {"files", json::value(readiness.files_total)}});
    return code;
  }
  // What lacks is the answer, so it stands on stdout, one name a line.
  output.text("Not ready: " + repo + ": " + printable(readiness.reason));
  for (auto const& name : readiness.missing)
    output.raw(output.mode() == Mode::quiet ? printable(name) : "missing     " + printable(name));
  for (auto const& name : readiness.unverified)
    output.raw(output.mode() == Mode::quiet ? printable(name) : "unverified  " + printable(name));
  return code;
}

ExitCode run(Session& session, Options const& options) {
  auto const name = parse_repo_at(options.repo, options.type, options.revision);
  if (!name) return session.usage(name.error());
  client::ReadyRequest request;
  request.caller = session.caller(options.cache_dir);
  request.repo = name->repo;
  if (!options.patterns.empty()) request.selection.allow = options.patterns;
  if (!name->path.empty()) request.selection.files.push_back(name->path);
  auto const client = session.connect(request.caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const readiness = (*client)->ready(request);
  if (readiness) return show(session, options.repo, *readiness);
  auto const kind = readiness.error().kind;
  auto const code = session.fail(readiness.error());
  // Nothing of it is known here: that is an answer too.
  bool const absent =
      kind == ErrorKind::local_entry_not_found || kind == ErrorKind::incomplete_snapshot || kind == ErrorKind::offline;
  return absent ? ExitCode::not_ready : code;
}

}  // namespace

void add_ready(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const app = add_command(registrar, registrar.root, "ready",
                                "Is every file of a commit here and verified? Never asks the Hub.\n"
                                "Exit code 0: yes; 3: no, and what lacks is named.",
                                "  hubctl ready gpt2@607a30d783dfa663caf39e06633721c8d4cfcd7e\n"
                                "  hubctl ready gpt2 --pattern \"*.safetensors\" --pattern \"*.json\"");
  app->add_option("repo", options->repo, "The repository, REPO or REPO@REV")->required()->type_name("REPO[@REV]");
  add_repo_options(*app, options->type, options->revision);
  add_list(*app, "--pattern,--include", options->patterns,
           "Glob of files that must be ready (repeatable; default: all)");
  app->add_option("--cache-dir", options->cache_dir, "Cache root to use instead of the environment's")
      ->type_name("DIR");
  app->callback(
      [&registrar, options] { registrar.action = [options](Session& session) { return run(session, *options); }; });
}

}  // namespace hubd::cli
