// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "core/base/log.h"
#include "core/http/client.h"
#include "core/net/timers.h"
#include "core/sched/rate_windows.h"

namespace hubd::engine {

/// An http::Client that sends nothing into an empty rate-limit window: it waits until the window opens, at most as long
/// as the request says, and repeats what was refused with 429 all the same. What answers and redirects say about windows
/// is learned on the way. All on the io executor.
class WindowedHttp final : public http::Client {
 public:
  /// All outlive it.
  WindowedHttp(http::Client& inner, net::Timers& timers, Log& log) : inner_(inner), timers_(timers), log_(log) {}

  /// Fails: as `inner`; rate_limited, with retry_after and without a request, when the window opens too late.
  Async<std::unique_ptr<http::Response>> send(http::Request request) override;

  /// "the rate window of hub:443 (api), open in 20 s", when requests with that token wait for it; else empty.
  [[nodiscard]] std::string waiting_for(std::string const& endpoint, Secret const& token) const;
  [[nodiscard]] std::vector<sched::RateWindows::Window> windows() const { return windows_.windows(timers_.clock().now()); }

 private:
  using Key = sched::RateWindows::Key;
  class Passage;
  Async<void> turn(Key const& key, http::Request const& request);
  void learn(Key const& key, int status, http::Headers const& headers);
  [[nodiscard]] std::string sentence(Key const& key, Duration left) const;

  http::Client& inner_;
  net::Timers& timers_;
  Log& log_;
  sched::RateWindows windows_;
};

}  // namespace hubd::engine
