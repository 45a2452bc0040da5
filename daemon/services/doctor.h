// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/doctor/checkup.h"
#include "daemon/live_config.h"
#include "daemon/registry.h"
#include "daemon/services/callers.h"
#include "hubd/v1/admin.pb.h"

namespace hubd::daemon {

/// hubd.v1.Admin.Examine. On the engine's executor; everything referred to outlives it.
class Doctor {
 public:
  struct Parts {
    engine::Engine& engine;
    LiveConfig const& config;
    Callers const& callers;
    std::string cache_root;
    std::string state_folder;
    std::vector<std::string> limits;  ///< warnings about what the host allows
  };
  Doctor(Parts parts, Checkup::Parts checkup) : parts_(std::move(parts)), checkup_(checkup) {}
  void add_to(Registry& registry);
  Async<v1::ExamineResponse> examine(Principal principal, v1::ExamineRequest request);

 private:
  Parts parts_;
  Checkup checkup_;
};

}  // namespace hubd::daemon
