// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>

#include "core/base/log.h"
#include "core/net/task_group.h"
#include "daemon/registry.h"

namespace hubd::daemon {

/// Counts the calls under way, tells when the last one ended; for `clients` in the status and for idling out.
class CallCounter {
 public:
  void began() { ++running_; ++total_; }
  void ended() { --running_; }
  [[nodiscard]] std::size_t running() const { return running_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  std::size_t running_ = 0;
  std::uint64_t total_ = 0;
};

/// Runs a streaming method beside the loop that sends its events.
///
/// `write` sends one event; when it fails, or when the awaiting coroutine is cancelled, the method is cancelled (which
/// drops its lease). Returns the method's own result. On the engine's executor.
Async<void> run_stream(Method const& method, Principal principal, MessagePtr request,
                       std::function<Async<void>(google::protobuf::Message const&)> write, Log& log);

}  // namespace hubd::daemon
