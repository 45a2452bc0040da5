// SPDX-License-Identifier: Apache-2.0
#include "daemon/stderr_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <string>

#include "core/base/call_note.h"

namespace hubd::daemon {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// One line whatever the text holds: control characters could forge lines, or break the JSON.
std::string escaped(std::string_view line, bool json) {
  std::string out;
  out.reserve(line.size());
  for (char const c : line) {
    auto const byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", byte);
      out += code;
    } else {
      if (json && (c == '"' || c == '\\')) out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace

struct StderrLog::State {
  bool json;
  spdlog::logger logger;
};

StderrLog::StderrLog(LogFormat format, LogLevel level)
    : state_(new State{format == LogFormat::json,
                       spdlog::logger("hubd", std::make_shared<spdlog::sinks::stderr_sink_mt>())}) {
  if (state_->json)
    state_->logger.set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
  else
    state_->logger.set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
  state_->logger.flush_on(spdlog::level::trace);
  set_level(level);
}

StderrLog::~StderrLog() = default;

bool StderrLog::enabled(LogLevel level) const { return state_->logger.should_log(to_spdlog(level)); }

void StderrLog::write(LogLevel level, std::string_view line) {
  std::string text;
  if (!state_->json) {
    text = escaped(line, false);
  } else {
    auto const [plain, call] = split_call(line);
    text = (call.empty() ? std::string() : "\"call\":\"" + std::string(call) + "\",") + "\"message\":\"" + escaped(plain, true) + '"';
  }
  state_->logger.log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

void StderrLog::set_level(LogLevel level) { state_->logger.set_level(to_spdlog(level)); }

}  // namespace hubd::daemon
