// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/registry.h"
#include "daemon/services/callers.h"
#include "hubd/v1/downloads.pb.h"

namespace hubd::daemon {

/// hubd.v1.Downloads. On the engine's executor; everything referred to outlives it.
class Downloads {
 public:
  Downloads(engine::Engine& engine, Callers const& callers, std::string root_id)
      : engine_(engine), callers_(callers), root_id_(std::move(root_id)) {}
  void add_to(Registry& registry);

  Async<void> ensure(Principal principal, v1::EnsureRequest request, Sink<v1::EnsureEvent>& sink);
  Async<v1::PlanResponse> plan(Principal principal, v1::PlanRequest request);
  Async<v1::ReadyResponse> ready(Principal principal, v1::ReadyRequest request);

 private:
  /// The parts that the three requests share.
  Result<engine::EnsureRequest> translate(Principal principal, v1::Caller const& caller, v1::Repo const& repo,
                                          v1::Selection const& selection, std::string const& local_dir) const;
  engine::Engine& engine_;
  Callers const& callers_;
  std::string root_id_;
};

}  // namespace hubd::daemon
