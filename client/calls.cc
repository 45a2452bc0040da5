// SPDX-License-Identifier: Apache-2.0
#include "client/calls.h"

namespace hubd::client {

bool Calls::enter() {
  std::lock_guard const lock(mutex_);
  if (count_ >= calls_max_ || closing_.stop_requested()) return false;
  ++count_;
  return true;
}

void Calls::leave() {
  std::lock_guard const lock(mutex_);
  --count_;
  changed_.notify_all();  // under the lock: whoever waits in close() may destroy us as soon as it is free
}

void Calls::close() {
  if (::getpid() != process_) return;
  closing_.request_stop();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return count_ == 0; });
}

}  // namespace hubd::client
