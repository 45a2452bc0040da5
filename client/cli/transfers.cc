// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/departure.h"
#include "client/cli/interrupt.h"
#include "client/cli/text.h"
#include "client/cli/transfer_view.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

struct Options {
  std::string id;
  bool all = false;
  std::chrono::milliseconds timeout{0};
};

client::Progress progress_of(client::Transfer const& transfer, std::vector<client::FileProgress> const& files) {
  client::Progress progress;
  progress.transfer_id = transfer.id;
  progress.files_done = transfer.files_done;
  progress.files_total = transfer.files_total;
  progress.bytes_done = transfer.bytes_done;
  progress.bytes_total = transfer.bytes_total;
  progress.rate = transfer.rate;
  progress.eta_seconds = transfer.eta_seconds;
  progress.waiting_for = transfer.waiting_for;
  progress.deadline_seconds = transfer.deadline_seconds;
  progress.files = files;
  return progress;
}

ExitCode list(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const transfers = (*client)->transfers(options.all);
  if (!transfers) return session.fail(transfers.error());
  Table table;
  table.columns = {"id", "repo", "revision", "state", "done", "size", "rate", "left", "clients", "waiting_for"};
  for (auto const& transfer : *transfers) {
    table.items.emplace_back(to_json(transfer));
    bool const moves = transfer.state == "running";
    bool const known = moves && std::isfinite(transfer.eta_seconds) && transfer.eta_seconds >= 0;
    table.rows.push_back(
        {json::value(transfer.id), json::value(repo_text(transfer)),
         json::value(transfer.repo.revision.empty() ? "main" : transfer.repo.revision), json::value(transfer.state),
         json::value(share_text(transfer)), json::value(human_size(transfer.bytes_total)),
         json::value(moves ? rate_text(transfer.rate) : ""),
         json::value(known ? duration_text(static_cast<std::int64_t>(transfer.eta_seconds)) : ""),
         json::value(transfer.leases), json::value(transfer.error ? transfer.error->message : transfer.waiting_for)});
  }
  table.empty_text = options.all ? "No transfers." : "No transfers run. (--all shows finished ones.)";
  session.output().table(table);
  return ExitCode::ok;
}

/// The one named, or the only one there is.
client::Result<std::string> which(client::Client& client, std::string const& id) {
  if (!id.empty()) return id;
  auto const running = client.transfers();
  if (!running) return running.error();
  if (running->size() == 1) return running->front().id;
  return client::make_error(
      client::ErrorKind::bad_request,
      running->empty() ? "no transfer runs" : "several transfers run; name one of `hubctl transfers ls`");
}

ExitCode finish(Session& session, client::Transfer const& transfer) {
  if (transfer.state == "done") {
    session.output().result("Done", {{"id", json::value(transfer.id)},
                                     {"state", json::value(transfer.state)},
                                     {"commit", json::value(transfer.commit)},
                                     {"path", json::value(transfer.path)}});
    return ExitCode::ok;
  }
  if (transfer.error) return session.fail(*transfer.error);
  session.output().result("Transfer " + transfer.id + " is " + transfer.state,
                          {{"id", json::value(transfer.id)}, {"state", json::value(transfer.state)}});
  return ExitCode::error;
}

ExitCode watch(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const id = which(**client, options.id);
  if (!id) return session.fail(id.error());
  std::unique_ptr<ProgressPrinter> printer;
  auto const look = [&](client::Transfer const& transfer, std::vector<client::FileProgress> const& files) {
    if (!printer) printer = session.progress(repo_text(transfer), false);
    printer->update(progress_of(transfer, files), steady_clock::now());
  };
  auto const last = (*client)->watch(*id, look);
  if (printer) printer->clear();
  return last ? finish(session, *last) : session.fail(last.error());
}

ExitCode attach(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const id = which(**client, options.id);
  if (!id) return session.fail(id.error());
  auto const printer = session.progress(*id, false);
  printer->set_transfer_id(*id);
  auto const look = [&](client::Transfer const& transfer, std::vector<client::FileProgress> const& files) {
    printer->update(progress_of(transfer, files), steady_clock::now());
  };
  auto const last = [&] {
    int const code = static_cast<int>(session.interrupted());
    Interrupt const interrupt([&] { leave(**client, *printer, session.output(), {*id}, code); });
    return (*client)->attach(*id, look, options.timeout);
  }();
  printer->clear();
  return last ? finish(session, *last) : session.fail(last.error());
}

/// What a transfer came to when something was asked of it: `wanted` unless it had ended before.
ExitCode came_to(Session& session, client::Result<client::Transfer> const& transfer, std::string const& message,
                 bool (*wanted)(client::Transfer const&)) {
  if (!transfer) return session.fail(transfer.error());
  if (!wanted(*transfer))
    return session.fail(client::make_error(client::ErrorKind::bad_request,
                                           "transfer " + transfer->id + " has ended before: it is " + transfer->state));
  session.output().result(message, {{"id", json::value(transfer->id)}, {"state", json::value(transfer->state)}});
  return ExitCode::ok;
}

ExitCode cancel(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  return came_to(session, (*client)->cancel(options.id), "Cancelled", [](client::Transfer const&) { return true; });
}

ExitCode pause(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  return came_to(session, (*client)->pause(options.id), "Paused",
                 [](client::Transfer const& transfer) { return transfer.state == "paused"; });
}

ExitCode resume(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  return came_to(session, (*client)->resume(options.id), "Resumed",
                 [](client::Transfer const& transfer) { return transfer.state == "done" || !has_ended(transfer); });
}

ExitCode show(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const id = which(**client, options.id);
  if (!id) return session.fail(id.error());
  auto const transfers = (*client)->transfers(true);
  if (!transfers) return session.fail(transfers.error());
  auto const found = std::find_if(transfers->begin(), transfers->end(), [&](auto const& one) { return one.id == *id; });
  if (found == transfers->end())
    return session.fail(client::make_error(client::ErrorKind::entry_not_found,
                                           "there is no transfer " + *id + "; see `hubctl transfers ls --all`"));
  bool const human = session.output().mode() == Mode::human;
  Fields fields;
  for (auto const& [key, value] : to_json(*found)) {
    bool const bytes = std::string_view(key).starts_with("bytes_");
    if (human && bytes) fields.emplace_back(key, human_size(value.to_number<std::uint64_t>()));
    else if (human && value.is_object()) fields.emplace_back(key, value.at("message"));
    else fields.emplace_back(key, value);
  }
  session.output().object(fields);
  return ExitCode::ok;
}

}  // namespace

void add_transfers(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const group = add_group(registrar.root, "transfers", "What hubd is moving: list, watch, pause, resume, cancel");
  auto const act = [&registrar, options](CLI::App* app, ExitCode (*what)(Session&, Options const&)) {
    app->callback([&registrar, options, what] {
      registrar.action = [options, what](Session& session) { return what(session, *options); };
    });
  };
  auto* const ls = add_command(registrar, *group, "ls", "List your transfers",
                               "  hubctl transfers ls\n  hubctl transfers ls --all --json");
  ls->alias("list");
  ls->add_flag("-a,--all", options->all, "Finished ones too");
  act(ls, list);
  auto* const look = add_command(registrar, *group, "watch", "Follow a transfer until it ends; leaving changes nothing",
                                 "  hubctl transfers watch\n  hubctl transfers watch 4f1c");
  look->add_option("id", options->id, "The transfer (default: the only one that runs)")->type_name("ID");
  act(look, watch);
  auto* const detail = add_command(registrar, *group, "show", "Everything about one transfer",
                                   "  hubctl transfers show\n  hubctl transfers show t3-9f2a11 --json");
  detail->add_option("id", options->id, "The transfer (default: the only one that runs)")->type_name("ID");
  act(detail, show);
  auto* const join = add_command(
      registrar, *group, "attach",
      "Wait for a transfer as for a download of one's own: it goes on while somebody is attached, and after Ctrl-C",
      "  hubctl transfers attach t3-9f2a11\n  hubctl transfers attach --timeout 600");
  join->add_option("id", options->id, "The transfer (default: the only one that runs)")->type_name("ID");
  add_timeout(*join, options->timeout);
  act(join, attach);
  auto const one = [&](char const* name, char const* what, ExitCode (*does)(Session&, Options const&)) {
    auto* const app = add_command(registrar, *group, name, what, std::string("  hubctl transfers ") + name + " t3-9f2a11");
    app->add_option("id", options->id, "The transfer")->required()->type_name("ID");
    act(app, does);
  };
  one("pause", "Let a transfer rest, also over restarts, until it is resumed; it holds no lock and keeps its bytes", pause);
  one("resume", "Let a paused or parked transfer go on", resume);
  one("cancel", "Stop a transfer; what it has fetched is kept for the next one", cancel);
}

}  // namespace hubd::cli
