// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "core/base/log.h"
#include "daemon/config.h"

namespace hubd::daemon {

/// Lines to stderr, for people or as one JSON object each. The level may change at any time.
class StderrLog final : public Log {
 public:
  StderrLog(LogFormat format, LogLevel level);
  ~StderrLog() override;
  [[nodiscard]] bool enabled(LogLevel level) const override;
  void write(LogLevel level, std::string_view line) override;
  void set_level(LogLevel level);

 private:
  struct State;
  std::unique_ptr<State> state_;  // spdlog stays out of this header
};

}  // namespace hubd::daemon
