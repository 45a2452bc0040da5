// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>

#include "core/base/log.h"
#include "core/net/task_group.h"
#include "daemon/registry.h"

namespace hubd::daemon {

/// Names the calls and counts those under way; for `clients` in the status and for idling out.
class CallCounter {
 public:
  /// `prefix` tells the ids of this hubd from those of the one before.
  explicit CallCounter(std::string prefix = "0") : prefix_(std::move(prefix)) {}
  /// The id of a new call: the caller's own where it gave a good one, else a new one, which then stands in the request.
  std::string name(google::protobuf::Message& request);
  void began() { ++running_; ++total_; }
  void ended() { --running_; }
  [[nodiscard]] std::size_t running() const { return running_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  std::string prefix_;
  std::uint64_t named_ = 0;
  std::size_t running_ = 0;
  std::uint64_t total_ = 0;
};

/// The log's line of a call that ended: failures at info, what the caller itself ended and successes at debug.
void note_end(Log& log, Method const& method, Principal principal, std::string const& call, Error const* error);

/// Runs a streaming method beside the loop that sends its events.
///
/// `write` sends one event; when it fails, or when the awaiting coroutine is cancelled, the method is cancelled (which
/// drops its lease). Returns the method's own result. On the engine's executor.
Async<void> run_stream(Method const& method, Principal principal, MessagePtr request,
                       std::function<Async<void>(google::protobuf::Message const&)> write, Log& log);

}  // namespace hubd::daemon
