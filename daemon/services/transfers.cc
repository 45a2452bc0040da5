// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/transfers.h"

#include <algorithm>
#include <optional>

#include "daemon/services/convert.h"

namespace hubd::daemon {
namespace {

constexpr auto watch_interval = std::chrono::milliseconds(200);

constexpr std::chrono::milliseconds deadline_max = std::chrono::hours(24 * 30);

v1::WatchTransferEvent event_of(engine::TransferInfo const& transfer) {
  v1::WatchTransferEvent event;
  *event.mutable_transfer() = to_message(transfer);
  *event.mutable_files() = to_message(transfer.progress).files();
  return event;
}

/// News are offered, so a slow reader skips to the newest.
class Forward final : public engine::AttachListener {
 public:
  explicit Forward(Sink<v1::WatchTransferEvent>& sink) : sink_(sink) {}
  void news(engine::TransferInfo const& transfer) override { sink_.offer(event_of(transfer)); }

 private:
  Sink<v1::WatchTransferEvent>& sink_;
};

/// Of a verb that says what became of the transfer.
template <class Response>
Result<Response> answer(Result<engine::TransferInfo> const& transfer) {
  if (!transfer) return transfer.error();
  Response response;
  *response.mutable_transfer() = to_message(*transfer);
  return response;
}

bool has_ended(std::string const& state) { return state == "done" || state == "failed" || state == "cancelled"; }

}  // namespace

void Transfers::add_to(Registry& registry) {
  registry.unary("/hubd.v1.Transfers/List", *this, &Transfers::list);
  registry.stream("/hubd.v1.Transfers/Watch", *this, &Transfers::watch);
  registry.unary("/hubd.v1.Transfers/Cancel", *this, &Transfers::cancel);
  registry.unary("/hubd.v1.Transfers/Detach", *this, &Transfers::detach);
  registry.unary("/hubd.v1.Transfers/Pause", *this, &Transfers::pause);
  registry.unary("/hubd.v1.Transfers/Resume", *this, &Transfers::resume);
  registry.unary("/hubd.v1.Transfers/Why", *this, &Transfers::why);
  registry.unary("/hubd.v1.Transfers/Overview", *this, &Transfers::overview);
  registry.stream("/hubd.v1.Transfers/Attach", *this, &Transfers::attach);
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
    auto event = event_of(*transfer);
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
  auto cancelling = engine_.cancel(principal, request.id());
  auto const transfer = co_await std::move(cancelling);
  co_return answer<v1::CancelTransferResponse>(transfer);
}

Async<v1::DetachTransferResponse> Transfers::detach(Principal principal, v1::DetachTransferRequest request) {
  auto detaching = engine_.detach(principal, request.id());
  auto const transfer = co_await std::move(detaching);
  co_return answer<v1::DetachTransferResponse>(transfer);
}

Async<v1::PauseTransferResponse> Transfers::pause(Principal principal, v1::PauseTransferRequest request) {
  auto pausing = engine_.pause(principal, request.id());
  auto const transfer = co_await std::move(pausing);
  co_return answer<v1::PauseTransferResponse>(transfer);
}

Async<v1::ResumeTransferResponse> Transfers::resume(Principal principal, v1::ResumeTransferRequest request) {
  auto resuming = engine_.resume(principal, request.id());
  auto const transfer = co_await std::move(resuming);
  co_return answer<v1::ResumeTransferResponse>(transfer);
}

Async<void> Transfers::attach(Principal principal, v1::AttachTransferRequest request, Sink<v1::WatchTransferEvent>& sink) {
  std::optional<Time> deadline;
  std::chrono::milliseconds const wanted(request.deadline_ms());
  if (wanted.count() > 0) deadline = timers_.clock().now() + std::min(wanted, deadline_max);
  Forward forward(sink);
  auto attaching = engine_.attach(principal, request.id(), deadline, &forward);
  auto const transfer = co_await std::move(attaching);
  if (!transfer) co_return transfer.error();
  auto event = event_of(*transfer);
  sink.keep(std::move(event));
  co_return Result<void>();
}

Async<v1::WhyResponse> Transfers::why(Principal principal, v1::WhyRequest request) {
  auto const why = engine_.why(principal, request.id());
  if (!why) co_return why.error();
  co_return to_message(*why, timers_.clock().now());
}

Async<v1::OverviewResponse> Transfers::overview(Principal principal, v1::OverviewRequest) {
  auto response = to_message(engine_.overview(principal), timers_.clock().now());
  auto const since_epoch = timers_.clock().wall().time_since_epoch();
  response.set_unix_ms(std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
  co_return response;
}

}  // namespace hubd::daemon
