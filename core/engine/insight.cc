// SPDX-License-Identifier: Apache-2.0
// EngineImpl's part about whoever looks on: why a transfer is where it is, and all of them beside the budgets.
#include "core/engine/insight.h"

#include "core/engine/engine_impl.h"
#include "core/engine/windowed_http.h"

namespace hubd::engine {

Result<Why> EngineImpl::why(Principal principal, std::string const& id) {
  auto const job = find(principal, id);
  if (job) return Why{(*job)->info(), (*job)->waits(), (*job)->ranges(), (*job)->events().events()};
  if (auto const* const parked = find_parked(principal, id)) {
    Why why{info_of(*parked), {}, {}, parked->job->events().events()};
    auto const& events = parked->job->events().events();
    Wait wait{Wait::Kind::next_try, why.transfer.progress.waiting_for, "", "", "", "", events.empty() ? why.transfer.created : events.back().time, ""};
    if (why.transfer.error) {
      wait.what += ", since " + describe(*why.transfer.error);
      wait.host = why.transfer.error->host;
    }
    why.waits.push_back(std::move(wait));
    return why;
  }
  for (auto const& finished : finished_)
    if (finished.principal == principal && finished.info.id == id) return Why{finished.info, {}, {}, finished.events.events()};
  return job.error();
}

Overview EngineImpl::overview(Principal principal) {
  Overview overview;
  overview.transfers = transfers(principal, false);
  for (auto const& [id, job] : running_) {
    if (job->task().caller.principal != principal) continue;
    for (auto& range : job->ranges()) overview.ranges.emplace_back(id, std::move(range));
  }
  overview.budgets = budgets();
  overview.totals = totals();
  return overview;
}

Budgets EngineImpl::budgets() const {
  Budgets budgets;
  for (auto const& [id, job] : running_) budgets.bandwidth += job->progress().rate;
  auto const& desk = context_.desk;
  budgets.bandwidth_max = desk.bandwidth();
  budgets.bandwidth_waiting = desk.waiting_for_bytes();
  budgets.connections = desk.in_use();
  budgets.connections_max = desk.limits().total;
  budgets.connections_per_host_max = desk.limits().per_host;
  budgets.connections_waiting = desk.waiting();
  for (auto const& [host, count] : desk.hosts()) budgets.hosts.emplace_back(host, count);
  budgets.memory_max = context_.options.memory_max;
  budgets.memory = desk.in_use() * Context::memory_per_permit;
  budgets.disk_reserved = context_.disk.reserved();
  budgets.disk_floor = context_.tuning.free_floor;
  if (context_.parts.windows != nullptr) budgets.windows = context_.parts.windows->windows();
  return budgets;
}

}  // namespace hubd::engine
