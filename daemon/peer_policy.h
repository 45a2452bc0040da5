// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hubd::daemon {

/// Which users are served: the one hubd runs as, and those the operator lists. Safe from any thread.
class PeerPolicy {
 public:
  PeerPolicy(uid_t own, std::vector<uid_t> listed) : own_(own), listed_(std::move(listed)) {}

  [[nodiscard]] bool serves(uid_t uid) const {
    if (uid == own_) return true;
    std::scoped_lock const lock(mutex_);
    return std::find(listed_.begin(), listed_.end(), uid) != listed_.end();
  }
  /// Only this user's own processes may have hubd open paths that they name.
  [[nodiscard]] bool may_name_paths(uid_t uid) const { return uid == own_; }
  [[nodiscard]] uid_t own() const { return own_; }
  /// What somebody is told who is not served; without a uid when the kernel named none.
  [[nodiscard]] Error refusal(std::optional<uid_t> uid) const;
  void list(std::vector<uid_t> listed) {
    std::scoped_lock const lock(mutex_);
    listed_ = std::move(listed);
  }

 private:
  uid_t own_;
  mutable std::mutex mutex_;  // guards listed_
  std::vector<uid_t> listed_;
};

/// The descriptor in gRPC's "fd:8", which is how it names connections that were handed over; nothing for anything else.
std::optional<int> descriptor_in(std::string_view grpc_peer);
/// The uid that the kernel noted when the peer connected.
std::optional<uid_t> uid_of_peer(int descriptor);

}  // namespace hubd::daemon
