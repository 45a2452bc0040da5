// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/environment.h"
#include "core/base/log.h"
#include "core/base/result.h"
#include "core/sched/bandwidth_plan.h"
#include "daemon/config_keys.h"

namespace hubd::daemon {

enum class NetworkMode : std::uint8_t { online, prefer_local, offline };
/// Of the stock client's store of Xet payloads in the cache.
enum class SharedStoreUse : std::uint8_t { off, read, write };
/// Where records of publishes go.
enum class AuditTo : std::uint8_t { file, log, off };
enum class LogFormat : std::uint8_t { text, json };

/// A key's text and who set it: "default", "/etc/hubd/hubd.toml:12", "overlay /...", "environment HF_HOME", "command line".
struct Setting {
  std::string value;
  std::string source;
};

/// Where settings come from, the weaker first: default, file, overlay, environment, command line.
struct ConfigSources {
  std::string file;     ///< empty or absent: none
  bool file_required = false;  ///< it was named by somebody: absent is an error
  std::string overlay;  ///< written by SetConfig; empty or absent: none
  Environment environment;
  std::vector<std::pair<std::string, std::string>> command_line;  ///< (key, text)
  bool auto_started = false;  ///< by a client: then hubd idles out unless somebody says otherwise
};

/// Every key with its value; a value plainly typed is in Config.
using Settings = std::map<std::string, Setting, std::less<>>;

/// Reads all sources. Fails: bad_request with file and line; permission_denied, io.
Result<Settings> load_settings(ConfigSources const& sources);

/// Reads one TOML text into (key, text, line). Fails: bad_request naming `name` and the line.
struct FileSetting {
  std::string key;
  std::string value;
  std::size_t line = 0;
};
Result<std::vector<FileSetting>> parse_toml(std::string_view text, std::string const& name);
/// The overlay's text for these settings, as parse_toml reads it.
std::string format_toml(std::map<std::string, std::string> const& values);

/// The settings with their types.
struct Config {
  std::string cache_root;
  std::string state_folder;  ///< empty: chosen
  SharedStoreUse shared_store = SharedStoreUse::read;
  std::string socket;
  NetworkMode network_mode = NetworkMode::online;
  std::string http_proxy;
  std::string https_proxy;
  std::vector<std::string> no_proxy;
  std::string ca_file;
  std::string ca_directory;
  std::size_t connections_per_host = 0;
  std::size_t connections_total = 0;
  std::chrono::seconds progress_timeout{};
  std::vector<std::string> upstreams;  ///< without trailing slashes; the default first, never empty
  std::chrono::seconds branch_max_age{};
  std::chrono::seconds metadata_timeout{};
  Bytes free_floor = 0;
  sched::BandwidthPlan bandwidth;
  Bytes range_size = 0;
  std::size_t connections_per_file = 0;
  bool xet = true;
  bool adopt = true;
  std::size_t files_in_flight = 0;
  Bytes memory_max = 0;
  bool memory_max_set = false;  ///< by somebody; else it is the default
  AuditTo audit_to = AuditTo::file;
  Bytes audit_size_max = 0;
  std::string metrics_listen;  ///< empty: none
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  std::chrono::seconds idle_exit{};  ///< 0: never
  std::size_t connections_per_uid = 0;
  std::vector<uid_t> allow_uids;
};
Config typed(Settings const& settings);

/// "online", "prefer-local", "offline".
std::string_view name_of(NetworkMode mode);

}  // namespace hubd::daemon
