// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/text.h"
#include "client/cli/transfer_view.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string id;
};

std::int64_t seconds_since(std::int64_t unix_ms) {
  auto const now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return std::max<std::int64_t>(0, (now - unix_ms) / 1000);
}

/// "14:03:21", as the clock on this host's wall.
std::string clock_text(std::int64_t unix_ms) {
  auto const seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[16] = "";
  (void)std::strftime(text, sizeof text, "%H:%M:%S", &local);
  return text;
}

json::object item_of(client::TransferWait const& wait) {
  json::object item;
  item["kind"] = wait.kind;
  item["what"] = wait.what;
  item["file"] = wait.file;
  item["host"] = wait.host;
  item["route"] = wait.route;
  item["holder"] = wait.holder;
  item["since_unix_ms"] = wait.since_unix_ms;
  item["address"] = wait.address;
  return item;
}

json::object item_of(client::TransferEvent const& event) {
  json::object item;
  item["kind"] = event.kind;
  item["unix_ms"] = event.unix_ms;
  item["what"] = event.what;
  item["count"] = event.count;
  return item;
}

json::object item_of(client::TransferRange const& range) { return to_json(range); }

template <class Item>
json::array all(std::vector<Item> const& items) {
  json::array list;
  for (auto const& item : items) list.emplace_back(item_of(item));
  return list;
}

std::string line_of(client::TransferWait const& wait) {
  auto text = wait.file.empty() ? wait.what : wait.file + ": " + wait.what;
  std::vector<std::string> more;
  if (!wait.host.empty()) more.push_back(wait.host + (wait.address.empty() ? "" : " at " + wait.address) + (wait.route.empty() ? "" : " " + wait.route));
  more.push_back("for " + duration_text(seconds_since(wait.since_unix_ms)));
  return "  " + printable(text) + "  (" + printable(join(more, ", ")) + ")";
}

std::string line_of(client::TransferRange const& range) {
  auto const seconds = [](double value) { return duration_text(static_cast<std::int64_t>(std::floor(std::max(value, 0.0)))); };
  return "  " + printable(range.file + " " + range.name + "  " + route_text(range)) + ": " + human_size(range.bytes) + " in " +
         seconds(range.seconds) + (range.silent_seconds >= 1 ? ", silent for " + seconds(range.silent_seconds) : "");
}

std::string line_of(client::TransferEvent const& event) {
  auto kind = event.kind;
  kind.resize(std::max<std::size_t>(kind.size(), 10), ' ');
  auto const more = event.count > 1 ? " (and " + std::to_string(event.count - 1) + " before)" : "";
  return "  " + clock_text(event.unix_ms) + "  " + kind + "  " + printable(event.what) + more;
}

template <class Item>
void show(Output& output, std::string const& title, std::vector<Item> const& items, std::string const& none = {}) {
  if (items.empty() && none.empty()) return;
  output.text(title + (items.empty() ? " " + none : ""));
  for (auto const& item : items) output.text(line_of(item));
}

ExitCode run(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const why = (*client)->why(options.id);
  if (!why) return session.fail(why.error());
  auto& output = session.output();
  auto const& transfer = why->transfer;
  if (output.mode() == Mode::json) {
    json::object document;
    document["transfer"] = to_json(transfer);
    document["waits"] = all(why->waits);
    document["ranges"] = all(why->ranges);
    document["events"] = all(why->events);
    output.json_line(document);
    return ExitCode::ok;
  }
  if (output.mode() == Mode::quiet) {
    output.raw(why->waits.empty() ? transfer.state : why->waits.front().what);
    return ExitCode::ok;
  }
  auto const rate = rate_text(transfer.rate);
  output.text(transfer.id + "  " + printable(repo_text(transfer)) + ": " + transfer.state + ", " + human_size(transfer.bytes_done) + " of " +
              human_size(transfer.bytes_total) + (rate.empty() ? "" : " at " + rate) + ", priority " + std::string(name_of(transfer.priority)));
  if (transfer.error) output.text("error: " + printable(transfer.error->message));
  show(output, "waits for:", why->waits, has_ended(transfer) ? "" : "nothing");
  show(output, "requests:", why->ranges);
  show(output, "last events:", why->events);
  return ExitCode::ok;
}

}  // namespace

void add_why(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const app = add_command(registrar, registrar.root, "why",
                                "Say what a transfer waits for now, which requests are under way, and what happened to it last.",
                                "  hubctl why t3-9f2a11\n  hubctl why t3-9f2a11 --json");
  app->add_option("id", options->id, "The transfer, as `hubctl transfers ls` shows it")->required()->type_name("ID");
  app->callback([&registrar, options] {
    registrar.action = [options](Session& session) { return run(session, *options); };
  });
}

}  // namespace hubd::cli
