// SPDX-License-Identifier: Apache-2.0
// status, stop and version: hubd itself.
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/ending.h"
#include "client/cli/text.h"
#include "client/cli/version.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

ExitCode status(Session& session) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const status = (*client)->status();
  if (!status) return session.fail(status.error());
  auto& output = session.output();
  bool const json_form = output.mode() == Mode::json;
  auto const size = [&](std::uint64_t bytes) {
    return json_form ? json::value(bytes) : json::value(human_size(bytes));
  };
  Fields fields{
      {"status", json::value(status->problem.empty() ? "running" : "degraded")},
      {"version", json::value(status->version)},
      {"pid", json::value(status->pid)},
      {"uptime", json_form ? json::value(status->uptime_seconds) : json::value(duration_text(status->uptime_seconds))},
      {"mode", json::value(status->mode)},
      {"auto_started", json::value((*client)->hello().auto_started)},
      {"cache", json::value(status->cache_root)},
      {"state_folder", json::value(status->state_folder)},
      {"socket", json::value((*client)->socket())},
      {"network", json::value(status->network)},
      {"disk_free", size(status->bytes_free)},
      {"disk_floor", size(status->bytes_floor)},
      {"transfers_running", json::value(status->transfers_running)},
      {"transfers_waiting", json::value(status->transfers_waiting)},
      {"clients", json::value(status->clients)},
      {"bytes_fetched", size(status->bytes_fetched)},
      {"bytes_published", size(status->bytes_published)},
      {"requests", json::value(status->requests)},
      {"integrity_failures", json::value(status->integrity_failures)},
      {"unverified_blobs", json::value(status->unverified_blobs)},
      {"memory", size(status->rss_bytes)},
      {"memory_max", size(status->memory_max)},
      {"memory_why", json::value(status->memory_why)},
      {"open_files", json::value(status->open_files)},
      {"open_files_max", json::value(status->open_files_max)}};
  if (json_form) {
    fields.emplace_back("root_id", status->root_id);
    fields.emplace_back("problem", status->problem);
  }
  output.object(fields);
  if (!status->problem.empty()) output.warning(status->problem);
  return ExitCode::ok;
}

ExitCode stop(Session& session) {
  auto const client = session.connect_to_running();
  if (!client && client.error().kind == client::ErrorKind::unavailable) {
    session.output().result("hubd does not run", {{"stopped", json::value(false)}});
    return ExitCode::ok;
  }
  if (!client) return session.fail(client.error());
  auto const socket = (*client)->socket();
  auto const pid = (*client)->hello().pid;
  Ending ending(socket, pid);
  auto const asked = (*client)->shutdown();
  if (!asked) return session.fail(asked.error());
  if (!ending.wait())
    return session.fail(
        client::make_error(client::ErrorKind::deadline_exceeded,
                           "hubd (pid " + std::to_string(pid) + ") at " + socket + " was asked to stop, but still runs"));
  session.output().result("hubd has stopped", {{"stopped", json::value(true)}, {"pid", json::value(pid)}});
  return ExitCode::ok;
}

ExitCode version(Session& session) {
  auto const client = session.connect_to_running();
  bool const as_hf = session.as_hf();
  Fields fields{{"version", json::value(as_hf ? kHfVersion : kVersion)}};
  if (client && !as_hf) fields.emplace_back("hubd", (*client)->hello().version);
  session.output().result(as_hf ? "hf version" : "hubctl version", fields);
  if (as_hf) session.output().note("(hubctl " + std::string(kVersion) + ", answering as hf " + kHfVersion + ")");
  return ExitCode::ok;
}

}  // namespace

void add_status(Registrar& registrar) {
  auto const act = [&registrar](CLI::App* app, ExitCode (*what)(Session&)) {
    app->callback([&registrar, what] { registrar.action = what; });
  };
  act(add_command(registrar, registrar.root, "status", "Say how hubd is doing; starts it when none runs",
                  "  hubctl status\n  hubctl status --json"),
      status);
  act(add_command(registrar, registrar.root, "stop",
                  "Stop hubd. Transfers are parked and go on with the next start; the cache works without it.",
                  "  hubctl stop"),
      stop);
  act(add_command(registrar, registrar.root, "version", "Print the versions of hubctl and of the hubd that runs",
                  "  hubctl version"),
      version);
}

}  // namespace hubd::cli
