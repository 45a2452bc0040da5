// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/engine/store_care.h"
#include "daemon/registry.h"
#include "daemon/services/callers.h"
#include "hubd/v1/store.pb.h"

namespace hubd::daemon {

/// hubd.v1.Store: the chunk store's verbs. On the engine's executor. Everything referred to outlives it.
class StoreService {
 public:
  StoreService(engine::Engine& engine, Callers const& callers) : engine_(engine), callers_(callers) {}
  void add_to(Registry& registry);

  Async<v1::StoreStatsResponse> stats(Principal principal, v1::StoreStatsRequest request);
  Async<void> rebuild(Principal principal, v1::RebuildStoreRequest request, Sink<v1::RebuildStoreEvent>& sink);
  Async<void> verify(Principal principal, v1::VerifyStoreRequest request, Sink<v1::VerifyStoreEvent>& sink);
  Async<void> adopt(Principal principal, v1::AdoptRequest request, Sink<v1::AdoptEvent>& sink);

 private:
  Result<void> check_root(Principal principal, v1::Caller const& caller) const;
  Result<engine::AdoptRequest> translate(Principal principal, v1::AdoptRequest const& message) const;

  engine::Engine& engine_;
  Callers const& callers_;
};

}  // namespace hubd::daemon
