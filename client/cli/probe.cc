// SPDX-License-Identifier: Apache-2.0
// probe: what orchestrators run to learn whether hubd came up, lives, and may be given work.
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/text.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

enum class Kind { startup, liveness, readiness };

struct Options {
  bool startup = false;
  bool liveness = false;
  bool readiness = false;
};

std::string_view name_of(Kind kind) {
  return kind == Kind::startup ? "startup" : kind == Kind::liveness ? "liveness" : "readiness";
}

/// Why it may not be given work; empty: it may.
std::string why_not(client::Status const& status) {
  if (!status.problem.empty()) return status.problem;
  if (status.bytes_free <= status.bytes_floor)
    return "only " + human_size(status.bytes_free) + " are free at " + status.cache_root + ", and " + human_size(status.bytes_floor) + " are kept free";
  return "";
}

ExitCode say(Session& session, Kind kind, std::string const& reason) {
  auto& output = session.output();
  bool const good = reason.empty();
  if (output.mode() == Mode::json)
    output.object({{"probe", json::value(name_of(kind))}, {"ok", json::value(good)}, {"reason", json::value(reason)}});
  else if (output.mode() != Mode::quiet)
    output.raw(std::string(name_of(kind)) + ": " + (good ? "ok" : printable(reason)));
  return good ? ExitCode::ok : ExitCode::error;
}

ExitCode run(Session& session, Options const& options) {
  if (int{options.startup} + int{options.liveness} + int{options.readiness} != 1)
    return session.usage("give one of --startup, --liveness and --readiness");
  auto const kind = options.startup ? Kind::startup : options.liveness ? Kind::liveness : Kind::readiness;
  auto const client = session.connect_to_running();
  if (!client) return say(session, kind, client.error().message);
  if (kind != Kind::readiness) return say(session, kind, "");
  auto const status = (*client)->status();
  return say(session, kind, status ? why_not(*status) : status.error().message);
}

}  // namespace

void add_probe(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const app = add_command(registrar, registrar.root, "probe",
                                "Answer an orchestrator in one line, within seconds; starts nothing.\n"
                                "Exit code 0: yes; 1: no, and why.",
                                "  hubctl probe --startup\n  hubctl probe --readiness --socket /run/hubd/hubd.sock");
  app->add_flag("--startup", options->startup, "Has hubd taken its cache, recovered what a crash left, and does it answer?");
  app->add_flag("--liveness", options->liveness, "Does it answer?");
  app->add_flag("--readiness", options->readiness, "May it be given work: does it publish, and is there room?");
  app->callback([&registrar, options] { registrar.action = [options](Session& session) { return run(session, *options); }; });
}

}  // namespace hubd::cli
