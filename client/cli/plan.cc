// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/repo_batch.h"
#include "client/cli/selection.h"
#include "client/cli/text.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string repo;
  std::string from;
  std::vector<std::string> names;
  std::string type;
  std::string revision;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::string cache_dir;
  std::string local_dir;
  std::string token;
  bool force = false;
};

json::object item_of(client::PlannedFile const& file) {
  json::object item;
  item["path"] = file.path;
  item["size"] = file.size;
  item["etag"] = file.etag;
  item["cached"] = file.cached;
  item["bytes_network"] = file.bytes_network;
  item["bytes_repo"] = file.bytes_repo;
  item["bytes_others"] = file.bytes_others;
  item["sources"] = file.unknown ? "unknown" : "known";
  item["local_path"] = file.local_path;
  return item;
}

/// "21.6 MB this repo, 2.4 MB network".
std::string origin(client::PlannedFile const& file) {
  if (file.cached) return file.bytes_others > 0 ? "cache of another repo" : "cache";
  if (file.unknown) return "network, as far as known";
  std::vector<std::string> parts;
  if (file.bytes_repo > 0) parts.push_back(human_size(file.bytes_repo) + " this repo");
  if (file.bytes_others > 0) parts.push_back(human_size(file.bytes_others) + " other repos");
  if (parts.empty()) return file.bytes_network < file.size && !file.xet ? "network, partly here" : "network";
  if (file.bytes_network > 0) parts.push_back(human_size(file.bytes_network) + " network");
  return join(parts, ", ");
}

void show(Output& output, client::Plan const& plan) {
  bool const machine = output.mode() == Mode::json || output.mode() == Mode::quiet;
  auto const size = [&](std::uint64_t bytes) { return machine ? json::value(bytes) : json::value(human_size(bytes)); };
  Fields fields;
  if (output.mode() == Mode::json) {
    json::array files;
    for (auto const& file : plan.files) files.emplace_back(item_of(file));
    fields = {{"commit", json::value(plan.commit)}, {"files", files}};
  } else {
    Table table;
    table.columns = {"file", "size", "from"};
    for (auto const& file : plan.files) {
      table.rows.push_back({json::value(file.path), json::value(human_size(file.size)), json::value(origin(file))});
    }
    table.empty_text = "No file is selected.";
    if (output.mode() != Mode::quiet) output.table(table);
    output.text("");
    fields = {{"bytes to fetch", size(plan.bytes_network)},
              {"commit", json::value(plan.commit)},
              {"files", json::value(plan.files.size())}};
  }
  std::vector<std::pair<std::string, std::uint64_t>> const sizes{
      {"bytes_total", plan.bytes_total},         {"bytes_cached", plan.bytes_cached},
      {"bytes_resumable", plan.bytes_resumable}, {"bytes_repo", plan.bytes_repo},
      {"bytes_others", plan.bytes_others},       {"bytes_network", plan.bytes_network},
      {"bytes_free", plan.bytes_free},           {"bytes_floor", plan.bytes_floor}};
  for (auto const& [name, bytes] : sizes)
    if (output.mode() == Mode::json || name != "bytes_network") fields.emplace_back(name, size(bytes));
  fields.emplace_back("files_unknown", plan.files_unknown);
  fields.emplace_back("fits", plan.fits);
  fields.emplace_back("requests", plan.requests);
  output.object(fields);
  if (plan.files_unknown > 0)
    output.hint("what this host has of " + count_text(plan.files_unknown, "file") + " is unknown, since the Hub's storage was not asked");
  auto const needed = plan.bytes_written() + plan.bytes_floor;
  if (!plan.fits)
    output.warning("too little space: " + human_size(needed > plan.bytes_free ? needed - plan.bytes_free : 0) +
                   " more must be free (`hubctl cache ls --sort size` shows what is large)");
}

ExitCode run(Session& session, Options const& options) {
  if (!options.from.empty()) {
    if (auto const clash = clash_with_from(options);
        !clash.empty())
      return session.usage(clash);
    return plan_batch(session, {options.from, options.cache_dir, options.token, options.force, 0, false, client::Priority::normal, {}});
  }
  if (!options.cache_dir.empty() && !options.local_dir.empty())
    return session.usage("give --local-dir or --cache-dir, not both");
  auto const name = parse_repo_at(options.repo, options.type, options.revision);
  if (!name) return session.usage(name.error());
  auto const selected = select_files(options.names, name->path, options.include, options.exclude);
  if (!selected) return session.usage(selected.error());
  session.warn_about_token(options.token);
  client::PlanRequest request;
  request.caller = session.caller(options.cache_dir, options.token);
  request.repo = name->repo;
  request.selection = selected->selection;
  request.force = options.force;
  request.sources = true;
  if (!options.local_dir.empty()) request.local_dir = session.absolute(options.local_dir);
  auto const client = session.connect(request.caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const plan = (*client)->plan(request);
  if (!plan) return session.fail(plan.error());
  show(session.output(), *plan);
  return ExitCode::ok;
}

}  // namespace

void add_plan(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const app =
      add_command(registrar, registrar.root, "plan",
                  "Say what a download would do: files, bytes from disk and network, free space. Moves no file.",
                  "  hubctl plan gpt2\n  hubctl plan google/fleurs --repo-type dataset --include \"*.json\" --json\n"
                  "  hubctl plan --from models.txt");
  app->add_option("repo_id", options->repo, "The repository, as in `hubctl download`; REPO@REV is taken too")
      ->type_name("REPO_ID");
  app->add_option("filenames", options->names, "Files; a name ending in / is a folder (default: all files)")
      ->type_name("FILENAMES");
  add_repo_options(*app, options->type, options->revision);
  add_list(*app, "--include", options->include, "Glob of files to count (repeatable)");
  add_list(*app, "--exclude", options->exclude, "Glob of files to leave out (repeatable)");
  app->add_option("--cache-dir", options->cache_dir, "Cache root to use instead of the environment's")
      ->type_name("DIR");
  app->add_option("--local-dir", options->local_dir, "Plan a download into this folder")->type_name("DIR");
  app->add_flag("--force-download,!--no-force-download", options->force, "Plan as if nothing were cached");
  add_from(*app, options->from);
  add_token(*app, options->token);
  app->callback([&registrar, options] {
    if (options->repo.empty() && options->from.empty()) throw CLI::RequiredError("REPO_ID");
    registrar.action = [options](Session& session) { return run(session, *options); };
  });
}

}  // namespace hubd::cli
