// SPDX-License-Identifier: Apache-2.0
// env: what a report of a problem should say about this host and its settings. Never a token.
#include <sys/utsname.h>

#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>

#include "client/cli/commands.h"
#include "client/cli/starter.h"
#include "client/cli/version.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;

constexpr char const* kHubDefault = "https://huggingface.co";

json::value flag(client::Variables const& variables, char const* name) {
  return client::is_true(variables, name);
}

std::string path_of(client::Variables const& variables, char const* name, std::string otherwise) {
  auto const set = client::variable(variables, name);
  return set.empty() ? std::move(otherwise) : client::expand_path(std::string(set), variables);
}

json::value seconds(client::Variables const& variables, char const* name) {
  auto const set = std::string(client::variable(variables, name));
  return set.empty() ? json::value(10) : json::value(std::atoi(set.c_str()));
}

std::string platform() {
  utsname name{};
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + "-" + name.release + "-" + name.machine;
}

/// hubd as it runs now; nothing is started for this.
void add_hubd(Session& session, Fields& fields) {
  auto const client = session.connect_to_running();
  fields.emplace_back("hubd runs", client.has_value());
  if (!client) {
    fields.emplace_back("hubd would be",
                        find_hubd(session.variables()) ? *find_hubd(session.variables()) : "not found");
    return;
  }
  fields.emplace_back("hubd version", (*client)->hello().version);
  fields.emplace_back("hubd socket", (*client)->socket());
  auto const status = (*client)->status();
  if (!status) return;
  fields.emplace_back("hubd cache", status->cache_root);
  fields.emplace_back("hubd state", status->state_folder);
  fields.emplace_back("hubd mode", status->mode);
  fields.emplace_back("hubd network", status->network);
}

/// huggingface_hub's settings, by its names and as it reads them.
void add_settings(client::Variables const& variables, Fields& fields) {
  auto const caller = client::caller_from(variables);
  auto const token = client::token_path(variables);
  auto const home = client::hf_home(variables);
  auto const old_assets = path_of(variables, "HUGGINGFACE_ASSETS_CACHE", home + "/assets");
  bool const telemetry_off = client::is_true(variables, "HF_HUB_DISABLE_TELEMETRY") ||
                             client::is_true(variables, "DISABLE_TELEMETRY") ||
                             client::is_true(variables, "DO_NOT_TRACK");
  auto const bars = client::variable(variables, "HF_HUB_DISABLE_PROGRESS_BARS");
  Fields const settings{
      {"ENDPOINT", json::value(caller.endpoint.empty() ? kHubDefault : caller.endpoint)},
      {"HF_HUB_CACHE", json::value(caller.cache_root)},
      {"HF_ASSETS_CACHE", json::value(path_of(variables, "HF_ASSETS_CACHE", old_assets))},
      {"HF_TOKEN_PATH", json::value(token)},
      {"HF_STORED_TOKENS_PATH", json::value((std::filesystem::path(token).parent_path() / "stored_tokens").string())},
      {"HF_HUB_OFFLINE", json::value(caller.offline)},
      {"HF_HUB_DISABLE_TELEMETRY", json::value(telemetry_off)},
      {"HF_HUB_DISABLE_PROGRESS_BARS", bars.empty() ? json::value() : flag(variables, "HF_HUB_DISABLE_PROGRESS_BARS")},
      {"HF_HUB_DISABLE_SYMLINKS", flag(variables, "HF_HUB_DISABLE_SYMLINKS")},
      {"HF_HUB_DISABLE_SYMLINKS_WARNING", flag(variables, "HF_HUB_DISABLE_SYMLINKS_WARNING")},
      {"HF_HUB_DISABLE_EXPERIMENTAL_WARNING", flag(variables, "HF_HUB_DISABLE_EXPERIMENTAL_WARNING")},
      {"HF_HUB_DISABLE_IMPLICIT_TOKEN", flag(variables, "HF_HUB_DISABLE_IMPLICIT_TOKEN")},
      {"HF_HUB_DISABLE_XET", flag(variables, "HF_HUB_DISABLE_XET")},
      {"HF_HUB_DISABLE_SHARED_BLOBS", flag(variables, "HF_HUB_DISABLE_SHARED_BLOBS")},
      {"HF_HUB_ETAG_TIMEOUT", seconds(variables, "HF_HUB_ETAG_TIMEOUT")},
      {"HF_HUB_DOWNLOAD_TIMEOUT", seconds(variables, "HF_HUB_DOWNLOAD_TIMEOUT")},
      {"HF_XET_HIGH_PERFORMANCE", flag(variables, "HF_XET_HIGH_PERFORMANCE")}};
  fields.insert(fields.end(), settings.begin(), settings.end());
}

std::string text_of(json::value const& value) {
  if (value.is_null()) return "None";
  if (auto const* const set = value.if_bool()) return *set ? "True" : "False";
  if (auto const* const text = value.if_string()) return text->c_str();
  return json::serialize(value);
}

ExitCode show(Session& session) {
  auto const& variables = session.variables();
  Fields fields{{"hubctl version", json::value(kVersion)}, {"platform", json::value(platform())}};
  add_hubd(session, fields);
  fields.emplace_back("has a token", !client::given_token(variables).empty() || !client::file_token(variables).empty());
  add_settings(variables, fields);
  if (!session.as_hf() && session.output().mode() == Mode::json) {
    session.output().object(fields);
    return ExitCode::ok;
  }
  session.output().raw("\nCopy the lines below into a report of a problem.\n");
  for (auto const& [name, value] : fields) session.output().raw("- " + name + ": " + text_of(value));
  session.output().raw("");
  return ExitCode::ok;
}

}  // namespace

void add_environment(Registrar& registrar) {
  auto* const app = add_command(registrar, registrar.root, "env",
                                "Print versions and settings for a report of a problem; starts nothing, shows no token",
                                "  hubctl env\n  hubctl env --json");
  app->callback([&registrar] { registrar.action = show; });
}

}  // namespace hubd::cli
