// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/engine/engine.h"
#include "core/net/timers.h"
#include "daemon/registry.h"
#include "hubd/v1/transfers.pb.h"

namespace hubd::daemon {

/// hubd.v1.Transfers. On the engine's executor; everything referred to outlives it.
class Transfers {
 public:
  Transfers(engine::Engine& engine, net::Timers& timers) : engine_(engine), timers_(timers) {}
  void add_to(Registry& registry);

  Async<v1::ListTransfersResponse> list(Principal principal, v1::ListTransfersRequest request);
  Async<void> watch(Principal principal, v1::WatchTransferRequest request, Sink<v1::WatchTransferEvent>& sink);
  Async<v1::CancelTransferResponse> cancel(Principal principal, v1::CancelTransferRequest request);
  Async<v1::DetachTransferResponse> detach(Principal principal, v1::DetachTransferRequest request);
  Async<v1::PauseTransferResponse> pause(Principal principal, v1::PauseTransferRequest request);
  Async<v1::ResumeTransferResponse> resume(Principal principal, v1::ResumeTransferRequest request);
  Async<v1::WhyResponse> why(Principal principal, v1::WhyRequest request);
  Async<v1::OverviewResponse> overview(Principal principal, v1::OverviewRequest request);
  Async<void> attach(Principal principal, v1::AttachTransferRequest request, Sink<v1::WatchTransferEvent>& sink);

 private:
  engine::Engine& engine_;
  net::Timers& timers_;
};

}  // namespace hubd::daemon
