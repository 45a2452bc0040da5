// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <future>
#include <memory>
#include <mutex>

#include "client/cli/commands.h"
#include "client/cli/departure.h"
#include "client/cli/interrupt.h"
#include "client/cli/repo_batch.h"
#include "client/cli/selection.h"
#include "client/cli/text.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

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
  bool dry_run = false;
  bool progress = false;
  bool detach = false;
  int workers = 0;
  std::string priority;
  std::chrono::milliseconds timeout{0};
};

/// hf's two columns; "-" is a file that is here already.
ExitCode show_plan(Session& session, client::Plan const& plan) {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
  Table table;
  table.columns = {"file", "size"};
  for (auto const& file : plan.files) {
    bytes += file.cached ? 0 : file.size;
    files += file.cached ? 0 : 1;
    table.rows.push_back({json::value(file.path), json::value(file.cached ? "-" : compact_size(file.size))});
  }
  session.output().text("[dry-run] Will download " + std::to_string(files) + " files (out of " +
                        std::to_string(plan.files.size()) + ") totalling " + compact_size(bytes) + ".");
  session.output().table(table);
  auto const here = plan.bytes_written() - std::min(plan.bytes_written(), plan.bytes_network);
  if (!session.as_hf() && here > 0)
    session.output().note(human_size(plan.bytes_network) + " would be fetched; the rest is on this host in other files (`hubctl plan` says in which)");
  return ExitCode::ok;
}

/// The path that is the answer: of the one file, or of the folder.
std::string answer_path(client::EnsureDone const& done, bool single_file) {
  if (!single_file || done.files.empty()) return done.snapshot_path;
  auto const& file = done.files.front();
  return done.snapshot_path.empty() ? file.absolute_path : done.snapshot_path + "/" + file.path;
}

ExitCode show_done(Session& session, Selected const& selected, client::EnsureDone const& done) {
  auto& output = session.output();
  if (!done.warning.empty())
    output.warning(done.warning);
  else if (done.stale)
    output.warning("the Hub could not be asked; this is the last known commit, " + done.commit);
  for (auto const& name : selected.names)
    if (std::none_of(done.files.begin(), done.files.end(), [&](auto const& file) { return file.path == name; }))
      output.warning("'" + name + "' is not a file of this repository");
  std::uint64_t bytes = 0;
  for (auto const& file : done.files) bytes += file.size;
  auto const path = answer_path(done, selected.single_file);
  Fields fields{{"path", json::value(path)}};
  if (output.mode() == Mode::json && !session.as_hf()) {
    fields.emplace_back("commit", done.commit);
    fields.emplace_back("files", done.files.size());
    fields.emplace_back("bytes", bytes);
    fields.emplace_back("bytes_fetched", done.bytes_fetched);
    fields.emplace_back("requests", done.requests);
  }
  bool const bare = session.program() == Program::huggingface_cli && output.mode() == Mode::human;
  if (bare)
    output.raw(path);  // as before 1.9
  else
    output.result("Downloaded", fields);
  if (session.as_hf()) return ExitCode::ok;
  output.note(count_text(done.files.size(), "file") + ", " + human_size(bytes) + ": " + human_size(done.bytes_fetched) +
              " fetched, " + count_text(done.requests, "request"));
  return ExitCode::ok;
}

ExitCode fetch(Session& session, client::Client& client, client::EnsureRequest const& request, Selected const& selected,
               bool show_progress) {
  auto const printer = session.progress(request.repo.id, show_progress);
  client::EnsureListener listener;
  listener.started = [&](client::EnsureStarted const& started) { printer->set_transfer_id(started.transfer_id); };
  listener.progress = [&](client::Progress const& progress) { printer->update(progress, steady_clock::now()); };
  auto const done = [&] {
    int const code = static_cast<int>(session.interrupted());
    Interrupt const interrupt([&] { leave(client, *printer, session.output(), {printer->transfer_id()}, code); });
    return client.ensure(request, listener);
  }();
  printer->clear();
  return done ? show_done(session, selected, *done) : session.fail(done.error());
}

/// Begins it and leaves; what is here already is answered as always.
ExitCode begin(Session& session, client::Client& client, client::EnsureRequest request, Selected const& selected) {
  constexpr auto look_every = std::chrono::milliseconds(10);
  request.detach = true;
  std::promise<std::string> begun;
  auto const transfer = begun.get_future().share();
  client::EnsureListener listener;
  std::once_flag once;
  listener.started = [&](client::EnsureStarted const& started) {
    std::call_once(once, [&] { begun.set_value(started.transfer_id); });
  };
  auto answer = client.ensure_async(request, listener);
  bool going_on = false;
  while (!going_on && !answer.wait_for(look_every))
    going_on = transfer.wait_for(std::chrono::seconds(0)) == std::future_status::ready && !transfer.get().empty();
  answer.cancel();  // it is detached: only our own lease ends
  auto const done = answer.get();  // nobody calls the listener after this
  if (done) return show_done(session, selected, *done);
  if (!going_on) return session.fail(done.error());
  session.output().result("Begun", {{"transfer", json::value(transfer.get())}});
  session.output().note("`hubctl transfers watch " + transfer.get() + "` looks on, `attach` waits for its end, `cancel` stops it");
  return ExitCode::ok;
}

ExitCode batch(Session& session, Options const& options) {
  if (options.detach) return session.usage(client::make_error(client::ErrorKind::bad_request, "--detach begins one transfer; leave out --from"));
  if (auto const clash = clash_with_from(options);
      !clash.empty())
    return session.usage(clash);
  auto const priority = session.priority(options.priority);
  if (!priority) return session.usage(priority.error());
  BatchOptions const each{options.from,    options.cache_dir, options.token, options.force,
                          options.workers, options.progress,  *priority,     options.timeout};
  return options.dry_run ? plan_batch(session, each) : download_batch(session, each);
}

ExitCode run(Session& session, Options const& options) {
  if (!options.from.empty()) return batch(session, options);
  if (!options.cache_dir.empty() && !options.local_dir.empty())
    return session.refuse("give --local-dir or --cache-dir, not both");
  auto const name = parse_repo(options.repo, options.type, options.revision);
  bool const uri = options.repo.starts_with("hf://");
  if (!name) return uri ? session.refuse(name.error().message) : session.usage(name.error());
  auto const selected = select_files(options.names, name->path, options.include, options.exclude);
  if (!selected) return session.refuse(selected.error().message);
  if (selected->patterns_ignored)
    session.output().warning("--include and --exclude are ignored, since files are named");
  session.warn_about_token(options.token);

  client::EnsureRequest request;
  request.caller = session.caller(options.cache_dir, options.token);
  request.repo = name->repo;
  request.selection = selected->selection;
  request.force = options.force;
  if (!options.local_dir.empty()) request.local_dir = session.absolute(options.local_dir);
  request.workers = options.workers;
  auto const priority = session.priority(options.priority);
  if (!priority) return session.usage(priority.error());
  request.priority = *priority;
  request.caller.deadline = options.timeout;

  auto const client = session.connect(request.caller.cache_root);
  if (!client) return session.fail(client.error());
  if (options.detach && !options.dry_run) return begin(session, **client, request, *selected);
  if (!options.dry_run) return fetch(session, **client, request, *selected, options.progress);
  client::PlanRequest const question{request.caller, request.repo, request.selection, request.force, request.local_dir, !session.as_hf()};
  auto const plan = (*client)->plan(question);
  return plan ? show_plan(session, *plan) : session.fail(plan.error());
}

}  // namespace

void add_download(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const app =
      add_command(registrar, registrar.root, "download",
                  "Download files of the Hub into the shared cache, once for every process of this host.",
                  "  hubctl download meta-llama/Llama-3.2-1B-Instruct\n"
                  "  hubctl download gpt2 config.json tokenizer.json\n"
                  "  hubctl download google/fleurs --repo-type dataset --include \"*.json\" --exclude \"test/*\"\n"
                  "  hubctl download gpt2 --revision refs/pr/1 --local-dir ./gpt2\n"
                  "  hubctl download gpt2 --priority background --detach\n"
                  "  hubctl download --from models.txt");
  app->add_option("repo_id", options->repo,
                  "The repository: ns/name, datasets/ns/name or hf://[type/]ns/name[@rev][/path]")
      ->type_name("REPO_ID");
  app->add_option("filenames", options->names, "Files to download; a name ending in / is a folder (default: all files)")
      ->type_name("FILENAMES");
  add_repo_options(*app, options->type, options->revision);
  add_list(*app, "--include", options->include, "Glob of files to download (repeatable)");
  add_list(*app, "--exclude", options->exclude, "Glob of files to leave out (repeatable)");
  app->add_option("--cache-dir", options->cache_dir, "Cache root to use instead of the environment's")
      ->type_name("DIR");
  app->add_option("--local-dir", options->local_dir, "Write plain files below this folder instead of the cache")
      ->type_name("DIR");
  app->add_flag("--force-download,!--no-force-download", options->force, "Download even what is cached already");
  app->add_flag("--dry-run,!--no-dry-run", options->dry_run, "Say what would be downloaded and change nothing");
  add_from(*app, options->from);
  add_token(*app, options->token);
  app->add_option("--max-workers", options->workers,
                  "Files fetched at a time (default: hubd's transfer.files_in_flight)")
      ->type_name("INT")
      ->check(CLI::Range(1, 256));
  add_priority(*app, options->priority);
  add_timeout(*app, options->timeout);
  app->add_flag("--detach", options->detach, "Begin the transfer, say its id and leave; hubd brings it to its end");
  app->add_flag("--progress", options->progress,
                "Show progress in every output form, also when stderr is not a terminal");
  app->callback([&registrar, options] {
    if (options->repo.empty() && options->from.empty()) throw CLI::RequiredError("REPO_ID");
    registrar.action = [options](Session& session) { return run(session, *options); };
  });
}

}  // namespace hubd::cli
