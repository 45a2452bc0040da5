// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "daemon/config.h"

namespace hubd::daemon {

/// The configuration of a running hubd: what is in force, and its changes by SIGHUP and SetConfig.
/// All on the engine's executor. Small files are read and written in place.
class LiveConfig {
 public:
  LiveConfig(ConfigSources sources, Settings settings);

  [[nodiscard]] Settings const& settings() const { return settings_; }
  [[nodiscard]] Config const& config() const { return config_; }
  /// Called with the new configuration after each change; only live keys differ from the start.
  void on_change(std::function<void(Config const&)> listener) { listeners_.push_back(std::move(listener)); }

  /// Reads every source again and applies the live keys. On an error the old settings stay. Fails: bad_request, io.
  /// Returns the names of keys that changed but need a restart.
  Result<std::vector<std::string>> reload();

  struct Change {
    Setting setting;      ///< in force after a restart at the latest; a stronger source may still win, as `source` shows
    bool restart_needed;
  };
  /// Writes one key to the overlay file and applies it. Fails: bad_request (unknown, mistyped), io, permission_denied.
  Result<Change> set(std::string const& key, std::string const& value);

 private:
  ConfigSources sources_;
  Settings settings_;
  Config config_;
  std::vector<std::function<void(Config const&)>> listeners_;
};

}  // namespace hubd::daemon
