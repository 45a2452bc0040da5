// SPDX-License-Identifier: Apache-2.0
// EngineImpl's part about callers that steer a transfer or wait for it: pause, resume, attach, detach, cancel.
#include "core/engine/engine_impl.h"
#include "core/net/within.h"

namespace hubd::engine {
namespace {

constexpr auto cancel_patience = std::chrono::seconds(2);  // with what cannot be interrupted

}  // namespace

double EngineImpl::left_until(std::optional<Time> deadline) const {
  if (!deadline) return -1;
  std::chrono::duration<double> const left = *deadline - context_.clock().now();
  return std::max(left.count(), 0.0);
}

Async<void> EngineImpl::wait_for(std::shared_ptr<TransferJob> job, std::optional<Time> deadline, std::function<void()> news) {
  auto const& repo = job->task().repo;
  while (!job->ended()) {
    bool const woken = co_await job->news();
    if (job->ended()) break;
    if (!woken && context_.stopping) co_return stopping_error();
    if (!woken) co_return fail(ErrorKind::cancelled, describe(repo) + ": the caller left");
    auto const& progress = job->progress();
    if (deadline && context_.clock().now() >= *deadline)
      co_return fail(ErrorKind::deadline_exceeded,
                     describe(repo) + " was not whole by the caller's deadline: " + human_size(progress.bytes_done) + " of " +
                         human_size(progress.bytes_total) + " are here" +
                         (progress.waiting_for.empty() ? "" : ", waiting for " + progress.waiting_for));
    news();
  }
  co_return outcome(*job);
}

Result<void> EngineImpl::outcome(TransferJob const& job) {
  if (!job.error()) return {};
  auto error = *job.error();
  if (job.parks())
    error.what += "; what came so far is kept, and transfer " + job.id() + " goes on by itself when that is over (`hubctl transfers ls` shows it)";
  return error;
}

Async<TransferInfo> EngineImpl::settled(std::shared_ptr<TransferJob> job) {
  bool const paused = job->paused();
  while (!job->ended() && job->paused() == paused && job->at_rest() != paused) {
    bool const woken = co_await job->news();
    if (!woken && context_.stopping) co_return stopping_error();
    if (!woken) co_return fail(ErrorKind::cancelled, describe(job->task().repo) + ": the caller left");
  }
  if (job->unnoted() && !job->ended()) co_return *job->unnoted();
  co_return job->info();
}

asio::awaitable<void> EngineImpl::note_detached(std::shared_ptr<TransferJob> job) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  bool here = true;
  while (here && !job->ended() && !job->noted() && !job->unnoted()) here = co_await job->news();
  if (!here || job->ended()) co_return;
  auto noting = tell_journal([id = job->id()](Journal& journal) { return journal.set_detached(id); });  // it may have been noted before
  co_await std::move(noting);
}

Async<TransferInfo> EngineImpl::detach(Principal principal, std::string id) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto const job = find(principal, id);
  if (!job) co_return transfer(principal, id);
  (*job)->detach();
  auto noting = note_detached(*job);
  co_await std::move(noting);
  co_return (*job)->info();
}

Async<TransferInfo> EngineImpl::cancel(Principal principal, std::string id) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto const why = [](RepoRef const& repo) {
    return fail(ErrorKind::cancelled, describe(repo) + " was cancelled; what came so far is kept for the next time");
  };
  if (auto const* const parked = find_parked(principal, id)) {
    auto info = info_of(*parked);
    info.state = "cancelled";
    info.error = why(info.repo);
    note_finished(principal, info, parked->job->events());
    parked_.erase(id);
    auto forgetting = forget_row(id);
    co_await std::move(forgetting);
    co_return info;
  }
  auto const found = find(principal, id);
  if (!found) co_return transfer(principal, id);  // one that has ended is as cancelled as it gets
  auto const job = *found;
  job->stop(why(job->task().repo));
  net::Within<void> limited(context_.parts.timers, context_.clock().now() + cancel_patience);
  std::function<Async<void>()> wait = [this, &job] { return wait_for(job, std::nullopt, [] {}); };
  auto const waited = co_await limited.run(std::move(wait), fail(ErrorKind::deadline_exceeded, "it still stops"));
  (void)waited;
  co_return job->info();
}

Async<TransferInfo> EngineImpl::pause(Principal principal, std::string id) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  if (context_.stopping) co_return stopping_error();
  auto const by = "user " + std::to_string(principal.uid);
  std::shared_ptr<TransferJob> job;
  auto const found = find(principal, id);
  if (found) {
    job = *found;
    if (!job->paused()) job->pause(by);
  } else if (auto const* const parked = find_parked(principal, id)) {
    job = revive(id, *parked, by);
  } else {
    co_return transfer(principal, id);  // one that has ended
  }
  auto resting = settled(std::move(job));
  auto info = co_await std::move(resting);
  co_return info;
}

Async<TransferInfo> EngineImpl::resume(Principal principal, std::string id) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  if (context_.stopping) co_return stopping_error();
  std::shared_ptr<TransferJob> job;
  auto const found = find(principal, id);
  if (found) {
    job = *found;
    if (job->paused()) job->resume();
  } else if (auto const* const parked = find_parked(principal, id)) {
    job = revive(id, *parked);
  } else {
    co_return transfer(principal, id);
  }
  auto going_on = settled(std::move(job));
  auto info = co_await std::move(going_on);
  co_return info;
}

Async<TransferInfo> EngineImpl::attach(Principal principal, std::string id, std::optional<Time> deadline, AttachListener* listener) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  if (context_.stopping) co_return stopping_error();
  std::shared_ptr<TransferJob> job;
  auto const found = find(principal, id);
  if (found) {
    job = *found;
  } else if (auto const* const parked = find_parked(principal, id)) {
    job = revive(id, *parked);  // who leaves again does not end what goes on by itself
  } else {
    auto const ended = transfer(principal, id);
    if (ended && ended->error) co_return *ended->error;
    co_return ended;
  }
  TransferJob::Lease const lease(job);
  std::function<void()> tell = [&] {
    if (listener == nullptr) return;
    auto info = job->info();
    info.progress.deadline_seconds = left_until(deadline);
    listener->news(info);
  };
  tell();
  auto waiting = wait_for(job, deadline, std::move(tell));
  auto const ended = co_await std::move(waiting);
  if (!ended) co_return ended.error();
  co_return job->info();
}

}  // namespace hubd::engine
