// SPDX-License-Identifier: Apache-2.0
#include "client/ensure_call.h"

#include <utility>

#include "client/convert.h"

namespace hubd::client {

EnsureCall::EnsureCall(v1::EnsureRequest request, EnsureListener listener, Calls& calls, Finish finish)
    : leaving_{calls}, request_(std::move(request)), listener_(std::move(listener)), finish_(std::move(finish)) {}

void EnsureCall::start(v1::Downloads::StubInterface& stub, v1::EnsureRequest request, EnsureListener listener,
                       std::vector<std::stop_token> stops, Calls& calls, Finish finish) {
  auto const call = std::make_shared<EnsureCall>(std::move(request), std::move(listener), calls, std::move(finish));
  call->self_ = call;
  stub.async()->Ensure(&call->context_, &call->request_, call.get());
  call->StartRead(&call->event_);
  for (auto& stop : stops)
    // The call may end inside of TryCancel(), which then needs it a moment longer.
    call->stopping_.emplace_back(std::move(stop), [call] {
      auto const held = call;
      held->context_.TryCancel();
    });
  call->StartCall();
}

void EnsureCall::OnReadDone(bool ok) {
  if (!ok) return;
  if (event_.has_started() && listener_.started) listener_.started(from_message(event_.started()));
  if (event_.has_progress() && listener_.progress) listener_.progress(from_message(event_.progress()));
  if (event_.has_done()) done_ = from_message(event_.done());
  StartRead(&event_);
}

void EnsureCall::OnDone(grpc::Status const& status) {
  auto const self = std::move(self_);
  stopping_.clear();
  finish_(status, std::move(done_));
}

}  // namespace hubd::client
