// SPDX-License-Identifier: Apache-2.0
#pragma once
// Not installed: Client's asynchronous ensure().
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "client/calls.h"
#include "client/downloads.h"
#include "hubd/v1/downloads.grpc.pb.h"

namespace hubd::client {

/// One Ensure stream that gRPC's own threads serve. It owns itself from start() until it has told its end.
///
/// It leaves `calls` when all of it is gone: its context holds the channel, and a channel whose last holder is one of gRPC's
/// own threads takes down the queue that this very thread serves (gRPC 1.51), which ends the process.
class EnsureCall final : public grpc::ClientReadReactor<v1::EnsureEvent> {
 public:
  using Finish = std::function<void(grpc::Status const&, std::optional<EnsureDone>)>;

  /// `calls` was entered, outlives the call, and is left some time after `finish`, which is called once. Any of
  /// `stops` ends the call.
  static void start(v1::Downloads::StubInterface& stub, v1::EnsureRequest request, EnsureListener listener,
                    std::vector<std::stop_token> stops, Calls& calls, Finish finish);

  EnsureCall(v1::EnsureRequest request, EnsureListener listener, Calls& calls, Finish finish);
  void OnReadDone(bool ok) override;
  void OnDone(grpc::Status const& status) override;

 private:
  using Stopping = std::stop_callback<std::function<void()>>;
  struct Leaving {
    Calls& calls;
    ~Leaving() { calls.leave(); }
  };

  Leaving const leaving_;  // first, so that it goes last
  grpc::ClientContext context_;
  v1::EnsureRequest const request_;
  EnsureListener const listener_;
  Finish const finish_;
  v1::EnsureEvent event_;
  std::optional<EnsureDone> done_;
  std::list<Stopping> stopping_;
  std::shared_ptr<EnsureCall> self_;  // until the end
};

}  // namespace hubd::client
