// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/text.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

struct Options {
  bool effective = false;
  std::string key;
  std::string value;
};

json::object to_json(client::ConfigValue const& value) {
  json::object item;
  item["key"] = value.key;
  item["value"] = value.value;
  item["source"] = value.source;
  item["live"] = value.live;
  item["help"] = value.help;
  return item;
}

/// Without --effective only what somebody set.
ExitCode show(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const values = (*client)->config();
  if (!values) return session.fail(values.error());
  Table table;
  table.columns = {"key", "value", "source"};
  for (auto const& value : *values) {
    if (!options.effective && value.source == "default") continue;
    table.rows.push_back({json::value(value.key), json::value(value.value), json::value(value.source)});
    table.items.emplace_back(to_json(value));
    table.quiet.push_back(value.key + "=" + value.value);
  }
  table.empty_text = "Every key has its default; --effective shows them.";
  session.output().table(table);
  return ExitCode::ok;
}

ExitCode get(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const values = (*client)->config();
  if (!values) return session.fail(values.error());
  auto const found =
      std::find_if(values->begin(), values->end(), [&](auto const& value) { return value.key == options.key; });
  if (found != values->end()) {
    if (session.output().mode() == Mode::json)
      session.output().object({{"key", json::value(found->key)},
                               {"value", json::value(found->value)},
                               {"source", json::value(found->source)},
                               {"live", json::value(found->live)},
                               {"help", json::value(found->help)}});
    else
      session.output().raw(found->value);
    return ExitCode::ok;
  }
  std::vector<std::string> keys;
  for (auto const& value : *values) keys.push_back(value.key);
  auto const near = nearest(options.key, keys);
  return session.fail(
      client::make_error(client::ErrorKind::bad_request,
                         "there is no key '" + options.key + "'" +
                             (near ? "; did you mean '" + *near + "'?" : "; `hubctl config --effective` lists them")));
}

ExitCode set(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  auto const change = (*client)->set_config(options.key, options.value);
  if (!change) return session.fail(change.error());
  session.output().result("Set", {{"key", json::value(change->value.key)},
                                  {"value", json::value(change->value.value)},
                                  {"restart_needed", json::value(change->restart_needed)}});
  if (change->restart_needed)
    session.output().hint("it applies from the next start of hubd: `hubctl stop`, then any command");
  return ExitCode::ok;
}

}  // namespace

void add_config(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto const act = [&registrar, options](CLI::App* app, ExitCode (*what)(Session&, Options const&)) {
    app->callback([&registrar, options, what] {
      registrar.action = [options, what](Session& session) { return what(session, *options); };
    });
  };
  auto* const group = add_command(
      registrar, registrar.root, "config", "Show hubd's settings, or change one",
      "  hubctl config --effective\n  hubctl config get network.mode\n  hubctl config set network.mode offline");
  group->add_flag("--effective", options->effective,
                  "Every key with its value and who set it (default: only what was set)");
  group->require_subcommand(0, 1);
  auto* const one =
      add_command(registrar, *group, "get", "Print the value of one key", "  hubctl config get disk.free_floor");
  one->add_option("key", options->key, "The key")->required()->type_name("KEY");
  auto* const change = add_command(registrar, *group, "set", "Set one key, now and for later starts",
                                   "  hubctl config set disk.free_floor \"20 GiB\"");
  change->add_option("key", options->key, "The key")->required()->type_name("KEY");
  change->add_option("value", options->value, "Its new value")->required()->type_name("VALUE");
  // A group's callback runs after its command's: it must not take over.
  group->callback([&registrar, options, group] {
    if (group->get_subcommands().empty())
      registrar.action = [options](Session& session) { return show(session, *options); };
  });
  act(one, get);
  act(change, set);
}

}  // namespace hubd::cli
