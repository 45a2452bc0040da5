// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "core/base/log.h"
#include "core/net/async.h"
#include "daemon/call.h"
#include "daemon/peer_policy.h"
#include "daemon/registry.h"

namespace hubd::daemon {

/// gRPC on a Unix socket of ours. Connections are accepted here and handed over as descriptors, since that is the only
/// way by which a handler learns the peer's uid. gRPC's threads only translate; methods run on the executor given.
class GrpcServer {
 public:
  struct Options {
    std::size_t connections_per_uid_max = 256;
    std::size_t calls_per_connection_max = 256;  ///< more wait in the client
    std::size_t calls_per_uid_max = 1024;        ///< more are answered `exhausted`
    std::size_t message_max = 16 * 1024 * 1024;
  };
  /// Owns `listener`. Everything referred to outlives the server. Fails: internal.
  static Result<std::unique_ptr<GrpcServer>> start(asio::any_io_executor executor, int listener, Options options,
                                                   Registry const& registry, PeerPolicy const& policy,
                                                   CallCounter& calls, Log& log);
  virtual ~GrpcServer() = default;
  /// Refuses new connections; calls under way go on.
  virtual void stop_accepting() = 0;
  /// Cancels every call, waits for them, ends gRPC's threads.
  virtual asio::awaitable<void> stop() = 0;
  virtual std::size_t connections() = 0;
};

}  // namespace hubd::daemon
