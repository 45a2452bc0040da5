// SPDX-License-Identifier: Apache-2.0
// EngineImpl's part about transfers that could not go on: they wait for the world to come back.
#include "core/engine/engine_impl.h"
#include "core/net/backoff.h"

namespace hubd::engine {
namespace {

constexpr net::Backoff again{std::chrono::seconds(30), std::chrono::minutes(5)};
constexpr auto parked_max = std::chrono::hours(72);  // then nobody misses it any more
constexpr std::size_t places_max = 1024;

}  // namespace

void EngineImpl::park(std::shared_ptr<TransferJob> job, Sha256 const& key) {
  auto const now = context_.clock().now();
  auto const id = job->id();
  auto tries = tries_[id];
  tries_.erase(id);
  if (tries.since == Time{}) tries.since = now;
  if (job->bytes_fetched() > 0) tries.attempt = 0;
  if (now - tries.since > parked_max || parked_.size() >= places_max) {
    context_.parts.log.warning(about_call("transfer " + id + " is given up: " + describe(*job->error()), job->task().caller.call));
    note_finished(job->task().caller.principal, job->info(), job->events());
    tasks_.spawn("forget transfer", forget_row(id));
    return;
  }
  auto const wait = again.wait(tries.attempt);
  job->tell(TransferEvent::Kind::parked, describe(*job->error()));
  Parked const parked{job, key, ++parkings_, tries.attempt + 1, tries.since, now + wait};
  context_.parts.log.info(about_call("transfer " + id + " is parked: " + describe(*job->error()), job->task().caller.call));
  parked_.insert_or_assign(id, parked);
  tasks_.spawn("parked transfer", unpark_later(id, parked.number, parked.next));
}

asio::awaitable<void> EngineImpl::unpark_later(std::string id, std::uint64_t number, Time when) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  bool const slept = co_await context_.parts.timers.sleep_until(when);
  if (!slept || context_.stopping) co_return;  // its row stays for the next start
  auto const found = parked_.find(id);
  if (found == parked_.end() || found->second.number != number) co_return;
  if (context_.tuning.network == Tuning::Network::offline) {  // nothing to try until an operator says so
    found->second.next = when + again.first;
    tasks_.spawn("parked transfer", unpark_later(id, number, found->second.next));
    co_return;
  }
  auto const job = revive(id, found->second);
  if (job->id() != id) forget_parked(id);
}

std::shared_ptr<TransferJob> EngineImpl::revive(std::string const& id, Parked const& parked, std::string paused_by) {
  auto task = parked.job->task();
  task.detached = true;
  task.caller.deadline.reset();
  task.paused_by = std::move(paused_by);
  auto const job = join_or_begin(std::move(task), id);
  if (job->id() != id) tasks_.spawn("note detached", note_detached(job));  // somebody else brings the same
  return job;
}

void EngineImpl::forget_parked(std::string const& id) {
  parked_.erase(id);
  tasks_.spawn("forget transfer", forget_row(id));
}

TransferInfo EngineImpl::info_of(Parked const& parked) const {
  auto info = parked.job->info();
  info.state = "parked";
  auto const left = std::max<Duration>(parked.next - context_.clock().now(), Duration::zero());
  info.progress.waiting_for = "the next try in " + std::to_string(std::chrono::ceil<std::chrono::seconds>(left).count()) + " s";
  return info;
}

EngineImpl::Parked const* EngineImpl::find_parked(Principal principal, std::string const& id) const {
  auto const found = parked_.find(id);
  bool const theirs = found != parked_.end() && found->second.job->task().caller.principal == principal;
  return theirs ? &found->second : nullptr;
}

}  // namespace hubd::engine
