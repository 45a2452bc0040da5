// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/base/principal.h"
#include "core/base/repo.h"
#include "core/base/secret.h"
#include "core/net/async.h"

namespace hubd::hub {

/// Answers "may this principal read this repo": asked before anything that is already on disk is shown.
/// In user mode the cache is the owner's own files, so the answer is yes without a request; system mode proves it against
/// the Hub with the caller's own token and keeps the proof for a while.
class Entitlement {
 public:
  virtual ~Entitlement() = default;
  /// Fails: permission_denied, gated_repo, repository_not_found, and whatever the proof's request fails with.
  virtual Async<void> may_read(Principal principal, RepoRef repo, Secret token) = 0;
};

/// User mode: everybody who is served acts as the owner, who may read their own disk.
class OwnersCache final : public Entitlement {
 public:
  Async<void> may_read(Principal, RepoRef, Secret) override { co_return Result<void>(); }
};

}  // namespace hubd::hub
