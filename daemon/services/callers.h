// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/engine/engine.h"
#include "daemon/peer_policy.h"
#include "hubd/v1/common.pb.h"

namespace hubd::daemon {

/// Turns what belongs to a caller into what the engine takes: the default endpoint, the token it meant, the right to
/// name paths. On the engine's executor. Everything referred to outlives it.
class Callers {
 public:
  struct Facts {
    std::vector<std::string> upstreams;  ///< the first is used when the caller names none; without trailing slashes
    std::string cache_root;              ///< the one this hubd owns
  };
  /// `stored_token` gives the active stored token, empty when there is none.
  Callers(Facts facts, PeerPolicy const& policy, Clock const& clock, std::function<Secret(Principal)> stored_token)
      : facts_(std::move(facts)), policy_(policy), clock_(clock), stored_token_(std::move(stored_token)) {}

  /// Other users may name this hubd's own upstreams only: what they are served for is the owner's token and cache.
  /// Fails: bad_request (endpoint), permission_denied, foreign_cache.
  Result<engine::Caller> caller(Principal principal, v1::Caller const& message) const;
  /// Fails: bad_request.
  Result<RepoRef> repo(std::string const& endpoint, v1::Repo const& message) const;
  Result<engine::Selection> selection(v1::Selection const& message) const;
  /// Empty stays empty. Fails: bad_request unless absolute; permission_denied when the caller is another user.
  Result<std::string> local_dir(Principal principal, std::string const& path) const;

 private:
  Facts facts_;
  PeerPolicy const& policy_;
  Clock const& clock_;
  std::function<Secret(Principal)> stored_token_;
};

}  // namespace hubd::daemon
