// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/transfers.h"

#include "daemon/services/convert.h"

namespace hubd::daemon {
namespace {

constexpr auto watch_interval = std::chrono::milliseconds(200);

bool has_ended(std::string const& state) { return state == "done" || state == "failed" || state == "cancelled"; }

}  // namespace

void Transfers::add_to(Registry& registry) {
  registry.unary("/hubd.v1.Transfers/List", *this, &Transfers::list);
  registry.stream("/hubd.v1.Transfers/Watch", *this, &Transfers::watch);
  registry.unary("/hubd.v1.Transfers/Cancel", *this, &Transfers::cancel);
  registry.unary("/hubd.v1.Transfers/Detach", *this, &Transfers::detach);
}

Async<v1::ListTransfersResponse> Transfers::list(Principal principal, v1::ListTransfersRequest request) {
  v1::ListTransfersResponse response;
  for (auto const& transfer : engine_.transfers(principal, request.include_finished()))
    *response.add_transfers() = to_message(transfer);
  co_return response;
}

Async<void> Transfers::watch(Principal principal, v1::WatchTransferRequest request, Sink<v1::WatchTransferEvent>& sink) {
  std::string last;
  while (true) {
    auto const transfer = engine_.transfer(principal, request.id());
    if (!transfer) co_return transfer.error();
    v1::WatchTransferEvent event;
    *event.mutable_transfer() = to_message(*transfer);
    *event.mutable_files() = to_message(transfer->progress).files();
    bool const ended = has_ended(transfer->state);
    auto text = event.SerializeAsString();
    if (ended)
      sink.keep(std::move(event));
    else if (text != last)
      sink.offer(std::move(event));
    if (ended) co_return Result<void>();
    last = std::move(text);
    bool const slept = co_await timers_.sleep_for(watch_interval);
    if (!slept) co_return fail(ErrorKind::cancelled, "the watch was cancelled");
  }
}

Async<v1::CancelTransferResponse> Transfers::cancel(Principal principal, v1::CancelTransferRequest request) {
  auto const transfer = engine_.cancel(principal, request.id());
  if (!transfer) co_return transfer.error();
  v1::CancelTransferResponse response;
  *response.mutable_transfer() = to_message(*transfer);
  co_return response;
}

Async<v1::DetachTransferResponse> Transfers::detach(Principal principal, v1::DetachTransferRequest request) {
  auto const transfer = engine_.detach(principal, request.id());
  if (!transfer) co_return transfer.error();
  v1::DetachTransferResponse response;
  *response.mutable_transfer() = to_message(*transfer);
  co_return response;
}

}  // namespace hubd::daemon
