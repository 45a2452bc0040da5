// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hubd::daemon {

/// What one check of the doctor saw.
struct Finding {
  enum class Level : std::uint8_t { ok, warn, fail };
  std::string check;  ///< "dns", "tls", "clock", ...: stable, scripts look for it
  Level level = Level::ok;
  std::string what;    ///< one sentence or less: what is so
  std::string remedy;  ///< what to do; empty when all is well
};
using Findings = std::vector<Finding>;

inline Finding fine(std::string_view check, std::string what) {
  return {std::string(check), Finding::Level::ok, std::move(what), {}};
}
inline Finding doubtful(std::string_view check, std::string what, std::string remedy) {
  return {std::string(check), Finding::Level::warn, std::move(what), std::move(remedy)};
}
inline Finding broken(std::string_view check, std::string what, std::string remedy) {
  return {std::string(check), Finding::Level::fail, std::move(what), std::move(remedy)};
}
/// "ok", "warn", "fail".
inline std::string_view name_of(Finding::Level level) {
  return level == Finding::Level::ok ? "ok" : level == Finding::Level::warn ? "warn" : "fail";
}

}  // namespace hubd::daemon
