// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/engine/context.h"
#include "core/engine/file_job.h"
#include "core/engine/revisions.h"
#include "core/engine/store_care.h"
#include "core/engine/verifier.h"
#include "core/net/signal.h"

namespace hubd::engine {

/// Carries out what people ask of the chunk store.
class StoreKeeper final : public StoreCare {
 public:
  struct Parts {
    Context& context;
    Verifier& verifier;
    XetDesk& xet;
    Revisions& revisions;
    net::TaskGroup& tasks;
  };
  explicit StoreKeeper(Parts parts) : parts_(parts) {}

  Async<StoreStats> stats() override;
  Async<StoreRebuilt> rebuild(StoreListener& listener) override;
  Async<StoreChecked> verify(StoreListener& listener) override;
  Async<StoreAdopted> adopt(AdoptRequest request, StoreListener& listener) override;

 private:
  /// A rebuild under way; shared by the task that does it and all who wait.
  struct Rebuilding {
    explicit Rebuilding(asio::any_io_executor executor) : changed(std::move(executor)) {}
    StoreProgress progress;
    StoreRebuilt done;
    std::optional<Result<void>> ended;
    net::Signal changed;
  };
  asio::awaitable<void> rebuild_index(std::shared_ptr<Rebuilding> work);
  Async<void> index_all(std::shared_ptr<Rebuilding> work);
  struct Blob {
    std::string path;
    std::string etag;
    Bytes size = 0;
  };
  /// Blobs of the cache that could have a recipe and have none. Blocking.
  std::vector<Blob> adoptable();

  Parts parts_;
  std::shared_ptr<Rebuilding> rebuilding_;  // null: none runs
};

}  // namespace hubd::engine
