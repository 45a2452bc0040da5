// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/text.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

struct Options {
  std::string id;
  bool all = false;
};

std::string repo_text(client::Transfer const& transfer) {
  auto const type = transfer.repo.type;
  return (type == client::RepoType::model ? std::string() : std::string(type_name(type)) + "s/") + transfer.repo.id;
}

json::object to_json(client::Transfer const& transfer) {
  json::object item;
  item["id"] = transfer.id;
  item["repo_id"] = transfer.repo.id;
  item["repo_type"] = type_name(transfer.repo.type);
  item["revision"] = transfer.repo.revision;
  item["commit"] = transfer.commit;
  item["state"] = transfer.state;
  item["waiting_for"] = transfer.waiting_for;
  item["bytes_done"] = transfer.bytes_done;
  item["bytes_total"] = transfer.bytes_total;
  item["bytes_fetched"] = transfer.bytes_fetched;
  item["files_done"] = transfer.files_done;
  item["files_total"] = transfer.files_total;
  item["rate"] = transfer.rate;
  item["eta_seconds"] = transfer.eta_seconds;
  item["clients"] = transfer.leases;
  item["detached"] = transfer.detached;
  item["created_unix_ms"] = transfer.created_unix_ms;
  if (transfer.error) {
    json::object error;
    error["kind"] = name_of(transfer.error->kind);
    error["message"] = transfer.error->message;
    item["error"] = std::move(error);
  }
  return item;
}

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
    auto const share = transfer.bytes_total == 0 ? 100 : transfer.bytes_done * 100 / transfer.bytes_total;
    table.rows.push_back(
        {json::value(transfer.id), json::value(repo_text(transfer)),
         json::value(transfer.repo.revision.empty() ? "main" : transfer.repo.revision), json::value(transfer.state),
         json::value(std::to_string(share) + "%"), json::value(human_size(transfer.bytes_total)),
         json::value(moves && transfer.rate >= 1 ? human_size(static_cast<Bytes>(transfer.rate)) + "/s" : ""),
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
                                     {"commit", json::value(transfer.commit)}});
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

ExitCode cancel(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const transfer = (*client)->cancel(options.id);
  if (!transfer) return session.fail(transfer.error());
  session.output().result("Cancelled", {{"id", json::value(transfer->id)}, {"state", json::value(transfer->state)}});
  return ExitCode::ok;
}

}  // namespace

void add_transfers(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const group = add_group(registrar.root, "transfers", "What hubd is moving: list, watch, cancel");
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
  auto* const stop =
      add_command(registrar, *group, "cancel", "Stop a transfer; what it has fetched is kept for the next one",
                  "  hubctl transfers cancel 4f1c");
  stop->add_option("id", options->id, "The transfer")->required()->type_name("ID");
  act(stop, cancel);
}

}  // namespace hubd::cli
