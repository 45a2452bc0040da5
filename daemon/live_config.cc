// SPDX-License-Identifier: Apache-2.0
#include "daemon/live_config.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/fs/file_system.h"
#include "daemon/paths.h"

namespace hubd::daemon {
namespace {

Result<std::map<std::string, std::string>> read_overlay(std::string const& path) {
  std::map<std::string, std::string> values;
  std::ifstream in(path, std::ios::binary);
  if (!in) return values;  // absent: nothing was set yet
  std::ostringstream text;
  text << in.rdbuf();
  auto const parsed = parse_toml(text.str(), path);
  if (!parsed) return parsed.error();
  for (auto const& [key, value, line] : *parsed) values[key] = value;
  return values;
}

Result<void> write_overlay(std::string const& path, std::string const& text) {
  // What cannot be read back would keep the next hubd from starting.
  auto const readable = parse_toml(text, path);
  if (!readable) return readable.error();
  auto const files = fs::system_files();
  auto const made = files->make_directories(std::filesystem::path(path).parent_path().string());
  if (!made) return made;
  // A proxy's password may be in it.
  return fs::write_file_atomic(*files, path, path + ".new", text, 0600, true);
}

}  // namespace

LiveConfig::LiveConfig(ConfigSources sources, Settings settings)
    : sources_(std::move(sources)), settings_(std::move(settings)), config_(typed(settings_)) {}

Result<std::vector<std::string>> LiveConfig::reload() {
  auto loaded = load_settings(sources_);
  if (!loaded) return loaded.error();
  std::vector<std::string> waiting;
  for (auto const& key : config_keys()) {
    std::string const name(key.name);
    auto& old = settings_[name];
    auto& fresh = (*loaded)[name];
    if (key.live || old.value == fresh.value)
      old = fresh;
    else
      waiting.push_back(name);
  }
  config_ = typed(settings_);
  for (auto const& listener : listeners_) listener(config_);
  return waiting;
}

Result<LiveConfig::Change> LiveConfig::set(std::string const& key, std::string const& value) {
  auto const* const known = find_key(key);
  if (known == nullptr) {
    auto const near = nearest_key(key);
    return fail(ErrorKind::bad_request, "there is no setting " + key +
                                            (near.empty() ? std::string() : "; did you mean " + std::string(near) + "?"));
  }
  auto const text = known->kind == ValueKind::path ? expand_path(value, sources_.environment) : value;
  auto const checked = check_value(*known, text);
  if (!checked) return fail(checked.error().kind, key + ": " + checked.error().what);
  auto overlay = read_overlay(sources_.overlay);
  if (!overlay) return overlay.error();
  (*overlay)[key] = text;
  auto const written = write_overlay(sources_.overlay, format_toml(*overlay));
  if (!written) return written.error();
  auto const before = settings_[key].value;
  auto const reloaded = reload();
  if (!reloaded) return reloaded.error();
  auto const fresh = load_settings(sources_);
  if (!fresh) return fresh.error();
  auto const& setting = fresh->find(key)->second;
  return Change{setting, !known->live && setting.value != before};
}

}  // namespace hubd::daemon
