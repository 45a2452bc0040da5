// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/downloads.h"

#include <algorithm>

#include "daemon/services/convert.h"

namespace hubd::daemon {
namespace {

/// Turns the engine's events into messages. Progress is offered, so a slow reader skips to the newest.
class Forward final : public engine::EnsureListener {
 public:
  explicit Forward(Sink<v1::EnsureEvent>& sink) : sink_(sink) {}

  void started(std::string const& transfer_id, Commit const& commit, std::uint64_t files_total, Bytes bytes_total,
               Bytes bytes_cached) override {
    v1::EnsureEvent event;
    auto& started = *event.mutable_started();
    started.set_transfer_id(transfer_id);
    started.set_commit(commit.hex());
    started.set_files_total(files_total);
    started.set_bytes_total(bytes_total);
    started.set_bytes_cached(bytes_cached);
    sink_.keep(std::move(event));
  }
  void progress(engine::Progress const& progress) override {
    v1::EnsureEvent event;
    *event.mutable_progress() = to_message(progress);
    sink_.offer(std::move(event));
  }

 private:
  Sink<v1::EnsureEvent>& sink_;
};

}  // namespace

void Downloads::add_to(Registry& registry) {
  registry.stream("/hubd.v1.Downloads/Ensure", *this, &Downloads::ensure);
  registry.unary("/hubd.v1.Downloads/Plan", *this, &Downloads::plan);
  registry.unary("/hubd.v1.Downloads/Ready", *this, &Downloads::ready);
}

Result<engine::EnsureRequest> Downloads::translate(Principal principal, v1::Caller const& caller, v1::Repo const& repo,
                                                   v1::Selection const& selection, std::string const& local_dir) const {
  engine::EnsureRequest request;
  auto made = callers_.caller(principal, caller);
  if (!made) return made.error();
  request.caller = std::move(*made);
  auto named = callers_.repo(request.caller.endpoint, repo);
  if (!named) return named.error();
  request.repo = std::move(*named);
  if (!repo.revision().empty()) request.revision = repo.revision();
  auto selected = callers_.selection(selection);
  if (!selected) return selected.error();
  request.selection = std::move(*selected);
  auto folder = callers_.local_dir(principal, local_dir);
  if (!folder) return folder.error();
  request.local_dir = std::move(*folder);
  return request;
}

Async<void> Downloads::ensure(Principal principal, v1::EnsureRequest message, Sink<v1::EnsureEvent>& sink) {
  auto request = translate(principal, message.caller(), message.repo(), message.selection(), message.local_dir());
  if (!request) co_return request.error();
  request->force = message.force();
  request->max_workers = static_cast<std::size_t>(std::max(0, message.max_workers()));
  request->detach = message.detach();
  request->priority = from_message(message.priority());
  request->require_verified = message.require_verified();
  Forward forward(sink);
  engine::EnsureListener* const listener = message.want_progress() ? &forward : nullptr;
  auto ensuring = engine_.ensure(std::move(*request), listener);
  auto const result = co_await std::move(ensuring);
  if (!result) co_return result.error();
  v1::EnsureEvent event;
  *event.mutable_done() = to_message(*result, root_id_);
  sink.keep(std::move(event));
  co_return Result<void>();
}

Async<v1::PlanResponse> Downloads::plan(Principal principal, v1::PlanRequest message) {
  auto request = translate(principal, message.caller(), message.repo(), message.selection(), message.local_dir());
  if (!request) co_return request.error();
  request->force = message.force();
  request->want_sources = message.sources();
  auto planning = engine_.plan(std::move(*request));
  auto const plan = co_await std::move(planning);
  if (!plan) co_return plan.error();
  co_return to_message(*plan);
}

Async<v1::ReadyResponse> Downloads::ready(Principal principal, v1::ReadyRequest message) {
  auto request = translate(principal, message.caller(), message.repo(), message.selection(), "");
  if (!request) co_return request.error();
  auto looking = engine_.ready(std::move(*request));
  auto const ready = co_await std::move(looking);
  if (!ready) co_return ready.error();
  co_return to_message(*ready);
}

}  // namespace hubd::daemon
