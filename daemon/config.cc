// SPDX-License-Identifier: Apache-2.0
#include "daemon/config.h"

#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "daemon/paths.h"
#include "daemon/rate_text.h"

namespace hubd::daemon {
namespace {

constexpr std::string_view idle_exit_auto_started = "1800";

bool is_true(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper == "1" || upper == "ON" || upper == "YES" || upper == "TRUE";
}

/// The text of a file; nothing when it does not exist. Fails: permission_denied, io.
Result<std::optional<std::string>> read_text(std::string const& path) {
  constexpr std::streamsize size_max = 1 << 20;
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
    return fail(errno == EACCES ? ErrorKind::permission_denied : ErrorKind::io,
                "read configuration " + path + ": " + std::strerror(errno),
                std::error_code(errno, std::generic_category()));
  }
  std::string text(static_cast<std::size_t>(size_max), '\0');
  in.read(text.data(), size_max);
  if (in.bad()) return fail(ErrorKind::io, "read configuration " + path + ": it is not a readable file");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return std::optional<std::string>(std::move(text));
}

/// Collects the environment's settings; a wrong value names its variable.
class FromEnvironment {
 public:
  FromEnvironment(Environment const& environment, Settings& settings) : environment_(environment), settings_(settings) {}

  Result<void> apply() {
    set("socket", "HUBD_SOCKET", absolute("HUBD_SOCKET"));
    if (is_true(variable(environment_, "HUGGINGFACE_CO_STAGING")))
      put("upstream", "HUGGINGFACE_CO_STAGING", "https://hub-ci.huggingface.co");
    else
      endpoint();
    for (auto const* const name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) first("network.http_proxy", name);
    for (auto const* const name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
      first("network.https_proxy", name);
    for (auto const* const name : {"no_proxy", "NO_PROXY"}) first("network.no_proxy", name);
    for (auto const* const name : {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
      auto const path = absolute(name);
      std::error_code ignored;
      bool const folder = !path.empty() && std::filesystem::is_directory(path, ignored);  // REQUESTS_CA_BUNDLE may be one
      first(folder ? "network.ca_directory" : "network.ca_file", name);
    }
    first("network.ca_directory", "SSL_CERT_DIR");
    cache();
    if (is_true(variable(environment_, "HF_HUB_DISABLE_SHARED_BLOBS")) && settings_.find("cache.shared_store")->second.source == "default")
      put("cache.shared_store", "HF_HUB_DISABLE_SHARED_BLOBS", "off");
    offline();
    return error_;
  }

 private:
  std::string absolute(std::string_view name) const {
    auto const path = expand_path(std::string(variable(environment_, name)), environment_);
    return path.empty() ? path : std::filesystem::absolute(path).string();
  }
  void put(std::string_view key, std::string_view name, std::string value) {
    auto const* const known = find_key(key);
    assert(known != nullptr);
    auto const checked = check_value(*known, value);
    if (!checked && error_)
      error_ = fail(checked.error().kind, "environment variable " + std::string(name) + ": " + checked.error().what);
    settings_[std::string(key)] = Setting{std::move(value), "environment " + std::string(name)};
  }
  void set(std::string_view key, std::string_view name, std::string value) {
    if (!value.empty()) put(key, name, std::move(value));
  }
  /// Sets `key` unless a file or an earlier variable did: these variables are meant for every program, not for hubd.
  void first(std::string_view key, std::string_view name) {
    auto const text = variable(environment_, name);
    if (text.empty() || settings_.find(key)->second.source != "default") return;
    bool const is_path = find_key(key)->kind == ValueKind::path;
    put(key, name, is_path ? absolute(name) : std::string(text));
  }
  /// HF_ENDPOINT becomes the first upstream; configured mirrors stay behind it.
  void endpoint() {
    std::string value(variable(environment_, "HF_ENDPOINT"));
    while (value.ends_with('/')) value.pop_back();
    if (value.empty()) return;
    auto const& before = settings_.find("upstream")->second;
    if (before.source != "default")
      for (auto const& url : parse_list(before.value))
        if (url != value) value += "," + url;
    put("upstream", "HF_ENDPOINT", std::move(value));
  }
  void cache() {
    for (auto const* const name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
      if (!variable(environment_, name).empty()) {
        put("cache.root", name, absolute(name));
        return;
      }
    if (!variable(environment_, "HF_HOME").empty()) put("cache.root", "HF_HOME", absolute("HF_HOME") + "/hub");
  }
  /// Only a default: a switch set by an operator must be able to win over the shell that started hubd.
  void offline() {
    for (auto const* const name : {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"})
      if (is_true(variable(environment_, name)) && settings_.find("network.mode")->second.source == "default")
        put("network.mode", name, "offline");
  }

  Environment const& environment_;
  Settings& settings_;
  Result<void> error_;
};

Result<void> apply_file(Settings& settings, std::string const& path, bool required, std::string_view prefix,
                        Environment const& environment) {
  if (path.empty()) return {};
  auto const text = read_text(path);
  if (!text) return text.error();
  if (!*text) {
    if (required) return fail(ErrorKind::bad_request, "configuration file " + path + " does not exist");
    return {};
  }
  auto const parsed = parse_toml(**text, path);
  if (!parsed) return parsed.error();
  for (auto const& [key, raw, line] : *parsed) {
    auto const where = path + ":" + std::to_string(line);
    auto const* const known = find_key(key);
    auto const value = known->kind == ValueKind::path ? expand_path(raw, environment) : raw;
    auto const checked = check_value(*known, value);
    if (!checked) return fail(checked.error().kind, where + ": " + key + ": " + checked.error().what);
    settings[key] = Setting{value, std::string(prefix) + where};
  }
  return {};
}

}  // namespace

Result<Settings> load_settings(ConfigSources const& sources) {
  Settings settings;
  for (auto const& key : config_keys()) settings[std::string(key.name)] = Setting{std::string(key.default_value), "default"};
  settings["cache.root"].value = default_cache_root(sources.environment);
  settings["socket"].value = default_socket(sources.environment, getuid());
  if (sources.auto_started) settings["lifetime.idle_exit_seconds"] = Setting{std::string(idle_exit_auto_started), "auto-started"};
  auto const file = apply_file(settings, sources.file, sources.file_required, "", sources.environment);
  if (!file) return file.error();
  auto const overlay = apply_file(settings, sources.overlay, false, "overlay ", sources.environment);
  if (!overlay) return overlay.error();
  auto const environment = FromEnvironment(sources.environment, settings).apply();
  if (!environment) return environment.error();
  for (auto const& [key, value] : sources.command_line) {
    auto const* const known = find_key(key);
    assert(known != nullptr);
    auto const checked = check_value(*known, value);
    if (!checked) return fail(checked.error().kind, "command line: " + key + ": " + checked.error().what);
    settings[key] = Setting{value, "command line"};
  }
  return settings;
}

Config typed(Settings const& settings) {
  auto const text = [&](std::string_view key) -> std::string const& { return settings.find(key)->second.value; };
  auto const number = [&](std::string_view key) { return static_cast<std::size_t>(parse_count(text(key))); };
  auto const seconds = [&](std::string_view key) { return std::chrono::seconds(parse_count(text(key))); };
  auto const bytes = [&](std::string_view key) { return parse_bytes(text(key)).value(); };
  Config config;
  config.cache_root = text("cache.root");
  config.state_folder = text("state.folder");
  auto const& store = text("cache.shared_store");
  config.shared_store = store == "off" ? SharedStoreUse::off : store == "write" ? SharedStoreUse::write : SharedStoreUse::read;
  config.socket = text("socket");
  auto const& mode = text("network.mode");
  config.network_mode = mode == "offline"        ? NetworkMode::offline
                        : mode == "prefer-local" ? NetworkMode::prefer_local
                                                 : NetworkMode::online;
  config.http_proxy = text("network.http_proxy");
  config.https_proxy = text("network.https_proxy");
  config.no_proxy = parse_list(text("network.no_proxy"));
  config.ca_file = text("network.ca_file");
  config.ca_directory = text("network.ca_directory");
  config.connections_per_host = number("network.connections_per_host");
  config.connections_total = number("network.connections_total");
  config.progress_timeout = seconds("network.progress_timeout_seconds");
  config.upstreams = parse_list(text("upstream"));
  for (auto& url : config.upstreams)
    while (url.ends_with('/')) url.pop_back();
  config.branch_max_age = seconds("metadata.branch_max_age_seconds");
  config.metadata_timeout = seconds("metadata.timeout_seconds");
  config.free_floor = bytes("disk.free_floor");
  config.bandwidth.always = parse_rate(text("bandwidth.max")).value();
  for (auto const& window : parse_list(text("bandwidth.schedule"))) config.bandwidth.windows.push_back(parse_rate_window(window).value());
  config.range_size = bytes("transfer.range_size");
  config.connections_per_file = number("transfer.connections_per_file");
  config.xet = text("transfer.xet") == "on";
  config.adopt = text("store.adopt") == "on";
  config.files_in_flight = number("transfer.files_in_flight");
  config.memory_max = bytes("memory.max");
  config.memory_max_set = settings.find("memory.max")->second.source != "default";
  auto const& audit = text("audit.to");
  config.audit_to = audit == "off" ? AuditTo::off : audit == "log" ? AuditTo::log : AuditTo::file;
  config.audit_size_max = bytes("audit.size_max");
  config.metrics_listen = text("metrics.listen");
  auto const& level = text("log.level");
  config.log_level = level == "debug"     ? LogLevel::debug
                     : level == "warning" ? LogLevel::warning
                     : level == "error"   ? LogLevel::error
                                          : LogLevel::info;
  config.log_format = text("log.format") == "json" ? LogFormat::json : LogFormat::text;
  config.idle_exit = seconds("lifetime.idle_exit_seconds");
  config.connections_per_uid = number("server.connections_per_uid");
  for (auto const& uid : parse_list(text("security.allow_uids")))
    config.allow_uids.push_back(static_cast<uid_t>(parse_count(uid)));
  return config;
}

std::string_view name_of(NetworkMode mode) {
  switch (mode) {
    case NetworkMode::online:
      return "online";
    case NetworkMode::prefer_local:
      return "prefer-local";
    case NetworkMode::offline:
      return "offline";
  }
  return "online";
}

}  // namespace hubd::daemon
