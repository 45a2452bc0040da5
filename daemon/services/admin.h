// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>

#include "core/base/clock.h"
#include "core/engine/engine.h"
#include "core/fs/file_system.h"
#include "daemon/call.h"
#include "daemon/live_config.h"
#include "daemon/peer_policy.h"
#include "daemon/registry.h"
#include "daemon/upstream.h"
#include "hubd/v1/admin.pb.h"

namespace hubd::daemon {

/// hubd.v1.Admin. On the engine's executor; everything referred to outlives it.
class Admin {
 public:
  struct Facts {
    std::string version;
    std::string cache_root;
    std::string root_id;
    std::string state_folder;
    std::string socket;
    std::string memory_why;
    bool auto_started = false;
    Time started;
  };
  struct Parts {
    engine::Engine& engine;
    LiveConfig& config;
    PeerPolicy const& policy;
    Clock const& clock;
    fs::FileSystem& files;
    Traffic const& traffic;
    CallCounter const& calls;
    asio::any_io_executor disk;
    std::function<std::uint64_t()> clients;  ///< connections on both sockets
    std::function<void()> stop;              ///< begins a clean stop
  };
  Admin(Facts facts, Parts parts) : facts_(std::move(facts)), parts_(std::move(parts)) {}
  void add_to(Registry& registry);

  Async<v1::HelloResponse> hello(Principal principal, v1::HelloRequest request);
  Async<v1::StatusResponse> status(Principal principal, v1::StatusRequest request);
  Async<v1::GetConfigResponse> get_config(Principal principal, v1::GetConfigRequest request);
  Async<v1::SetConfigResponse> set_config(Principal principal, v1::SetConfigRequest request);
  Async<v1::ShutdownResponse> shutdown(Principal principal, v1::ShutdownRequest request);

 private:
  Facts facts_;
  Parts parts_;
};

}  // namespace hubd::daemon
