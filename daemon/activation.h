// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "daemon/config.h"

namespace hubd::daemon {

/// Listening sockets that systemd made for us (sd_listen_fds(3)), found by their names "grpc" and "http".
struct HandedSockets {
  int grpc = -1;
  int http = -1;
};
/// Nothing when none was handed over to this process. Marks them close-on-exec. Fails: bad_request when a descriptor is
/// not a listening Unix stream socket, or one of the two names is missing.
Result<std::optional<HandedSockets>> handed_sockets(Environment const& environment);

/// Tells the service manager how we are (sd_notify(3)); does nothing when none asked.
class Notifier {
 public:
  explicit Notifier(Environment const& environment);
  [[nodiscard]] bool wanted() const { return !path_.empty(); }
  /// "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...". Best effort.
  void tell(std::string_view state) const;
  /// How often "WATCHDOG=1" is expected; half of it is a good interval.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  std::string path_;
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace hubd::daemon
