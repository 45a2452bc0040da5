// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string_view>

namespace hubd {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Where rooms write what operators should know. daemon/ puts spdlog behind it, tests a list.
/// Passed by reference to whoever logs: no global. Thread-safe. Lines hold no secret.
class Log {
 public:
  virtual ~Log() = default;
  [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view line) = 0;

  void debug(std::string_view line) {
    if (enabled(LogLevel::debug)) write(LogLevel::debug, line);
  }
  void info(std::string_view line) { write(LogLevel::info, line); }
  void warning(std::string_view line) { write(LogLevel::warning, line); }
  void error(std::string_view line) { write(LogLevel::error, line); }
};

/// Drops everything.
class NullLog final : public Log {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view) override {}
};

}  // namespace hubd
