// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <functional>

#include "core/base/random.h"
#include "core/cache/cache.h"
#include "core/engine/engine.h"
#include "core/fs/file_system.h"
#include "core/hub/hub_client.h"
#include "daemon/registry.h"
#include "daemon/services/callers.h"
#include "hubd/v1/cache.pb.h"

namespace hubd::daemon {

/// hubd.v1.Cache: what stands on disk, as huggingface_hub's own tools see it. Whoever is served acts as the owner here.
/// On the engine's executor; disk and hashing are offloaded. Everything referred to outlives it.
class CacheService {
 public:
  struct Parts {
    engine::Engine& engine;
    Callers const& callers;
    cache::Cache& cache;
    fs::FileSystem& files;
    Random& random;
    Clock const& clock;
    hub::HubClient& hub;
    asio::any_io_executor disk;
    asio::any_io_executor hashing;
    std::function<bool()> ask_hub;            ///< false: the stored listing is preferred to the Hub's
    std::function<Result<void>()> may_change; ///< does this hubd still own the cache; blocking
    Duration progress_timeout = std::chrono::seconds(10);
  };
  explicit CacheService(Parts parts) : parts_(std::move(parts)) {}
  void add_to(Registry& registry);
  /// Ends hashing that is under way within one block.
  void stop() { stopping_ = true; }

  Async<v1::ScanCacheResponse> scan(Principal principal, v1::ScanCacheRequest request);
  Async<v1::RemoveCacheResponse> remove(Principal principal, v1::RemoveCacheRequest request);
  Async<v1::PruneCacheResponse> prune(Principal principal, v1::PruneCacheRequest request);
  Async<void> verify(Principal principal, v1::VerifyCacheRequest request, Sink<v1::VerifyCacheEvent>& sink);

 private:
  struct Target;  // what is to be verified
  Async<Target> find_target(Principal principal, v1::VerifyCacheRequest const& request);
  Async<Listing> listing_of(Target const& target);
  Result<void> check_root(Principal principal, v1::Caller const& caller) const;

  Parts parts_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace hubd::daemon
