// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/registry.h"
#include "daemon/services/callers.h"
#include "hubd/v1/hub.pb.h"

namespace hubd::daemon {

/// hubd.v1.Hub. On the engine's executor; everything referred to outlives it.
class HubService {
 public:
  HubService(engine::Engine& engine, Callers const& callers) : engine_(engine), callers_(callers) {}
  void add_to(Registry& registry);

  Async<v1::InvokeResponse> invoke(Principal principal, v1::InvokeRequest request);

 private:
  engine::Engine& engine_;
  Callers const& callers_;
};

}  // namespace hubd::daemon
