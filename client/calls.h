// SPDX-License-Identifier: Apache-2.0
#pragma once
// Not installed: what Client's asynchronous calls share.
#include <sys/types.h>
#include <unistd.h>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>

namespace hubd::client {

/// The calls of one client that run without a thread of their own. Safe to use from many threads at once.
class Calls {
 public:
  explicit Calls(std::size_t calls_max) : calls_max_(calls_max) {}

  /// Counts one more call; false when there are too many, or when close() was called.
  [[nodiscard]] bool enter();
  /// The last thing that a call does.
  void leave();
  /// Every call that entered ends when this is requested.
  [[nodiscard]] std::stop_token closing() const { return closing_.get_token(); }
  /// Ends all calls, and waits until each has left. In a forked child, which has none of the threads: does nothing.
  void close();

 private:
  std::size_t const calls_max_;
  pid_t const process_ = ::getpid();
  std::stop_source closing_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

}  // namespace hubd::client
