// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "daemon/paths.h"
#include "daemon/version.h"

namespace hubd::daemon {
namespace {

constexpr int exit_usage = 2;

}  // namespace

std::optional<Options> parse_command_line(int argc, char** argv, Environment environment, int& exit_code) {
  CLI::App app("hubd owns this user's Hugging Face cache and fetches for every process on the host.", "hubd");
  std::string config;
  std::string socket;
  std::string cache;
  std::string level;
  std::string idle;
  Options options;
  app.set_version_flag("--version", std::string("hubd ") + kVersion);
  app.add_option("--config", config, "configuration file (TOML); default ~/.config/hubd/hubd.toml when it exists");
  app.add_option("--socket", socket, "path of the gRPC socket; HTTP listens on the same path with .http appended");
  app.add_option("--cache", cache, "the cache root to own; default HF_HUB_CACHE");
  app.add_option("--log-level", level, "debug, info, warning or error");
  app.add_option("--idle-exit", idle, "exit after so many seconds without clients and transfers");
  app.add_flag("--auto-started", options.sources.auto_started, "started by a client, not by a person or service manager");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    int const code = app.exit(error);
    exit_code = code == 0 ? 0 : exit_usage;
    return std::nullopt;
  }
  auto& sources = options.sources;
  auto const path = [&](std::string const& text) {
    return std::filesystem::absolute(expand_path(text, environment)).lexically_normal().string();
  };
  auto const set = [&](char const* key, std::string value) {
    if (!value.empty()) sources.command_line.emplace_back(key, std::move(value));
  };
  set("socket", socket.empty() ? socket : path(socket));
  set("cache.root", cache.empty() ? cache : path(cache));
  set("log.level", level);
  set("lifetime.idle_exit_seconds", idle);
  sources.file_required = !config.empty();
  sources.file = config.empty() ? default_config_file(environment) : path(config);
  sources.overlay = overlay_of(sources.file);
  sources.environment = std::move(environment);
  return options;
}

}  // namespace hubd::daemon
