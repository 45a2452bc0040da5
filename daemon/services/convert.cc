// SPDX-License-Identifier: Apache-2.0
#include "daemon/services/convert.h"

#include <algorithm>
#include <chrono>

#include "daemon/errors.h"
#include "daemon/text.h"

namespace hubd::daemon {
namespace {

v1::FileProgress to_message(engine::FileProgress const& file) {
  v1::FileProgress message;
  message.set_path(valid_utf8(file.path));
  message.set_bytes_total(file.total);
  message.set_bytes_done(file.done);
  message.set_state(file.state);
  return message;
}

std::int64_t unix_ms(WallTime time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

v1::TransferRange to_message(std::string const& transfer_id, engine::Range const& range, Time now) {
  auto const seconds_since = [now](Time time) { return std::chrono::duration<double>(now - time).count(); };
  auto const& view = range.view;
  v1::TransferRange message;
  message.set_transfer_id(transfer_id);
  message.set_file(valid_utf8(range.file));
  message.set_name(valid_utf8(view.name));
  message.set_host(valid_utf8(view.route.host));
  message.set_address(view.route.address);
  message.set_route(view.way == "xet" ? "cas" : view.way);
  message.set_bytes(view.bytes);
  message.set_seconds(seconds_since(view.since));
  message.set_silent_seconds(seconds_since(view.last_byte.value_or(view.since)));
  return message;
}

}  // namespace

v1::RepoType to_message(RepoType type) { return static_cast<v1::RepoType>(type); }

v1::Priority to_message(sched::Priority priority) {
  switch (priority) {
    case sched::Priority::background: return v1::PRIORITY_BACKGROUND;
    case sched::Priority::normal: return v1::PRIORITY_NORMAL;
    case sched::Priority::interactive: return v1::PRIORITY_INTERACTIVE;
  }
  return v1::PRIORITY_NORMAL;
}

sched::Priority from_message(v1::Priority priority) {
  switch (priority) {
    case v1::PRIORITY_BACKGROUND: return sched::Priority::background;
    case v1::PRIORITY_INTERACTIVE: return sched::Priority::interactive;
    default: return sched::Priority::normal;
  }
}

v1::EnsureProgress to_message(engine::Progress const& progress) {
  v1::EnsureProgress message;
  message.set_transfer_id(progress.transfer_id);
  message.set_files_done(progress.files_done);
  message.set_files_total(progress.files_total);
  message.set_bytes_done(progress.bytes_done);
  message.set_bytes_total(progress.bytes_total);
  message.set_rate(progress.rate);
  message.set_eta_seconds(progress.eta_seconds);
  message.set_deadline_seconds(std::max(progress.deadline_seconds, 0.0));
  message.set_waiting_for(valid_utf8(progress.waiting_for));
  for (auto const& file : progress.files) *message.add_files() = to_message(file);
  return message;
}

v1::EnsureDone to_message(engine::EnsureResult const& result, std::string const& root_id) {
  v1::EnsureDone message;
  message.set_commit(result.commit.hex());
  message.set_root_id(root_id);
  message.set_snapshot_relative(valid_utf8(result.snapshot_relative));
  message.set_snapshot_path(valid_utf8(result.snapshot_path));
  for (auto const& file : result.files) {
    auto& location = *message.add_files();
    location.set_path(valid_utf8(file.path));
    location.set_root_id(root_id);
    location.set_relative_path(valid_utf8(file.relative_path));
    location.set_absolute_path(valid_utf8(file.absolute_path));
    location.set_size(file.size);
    location.set_etag(valid_utf8(file.etag));
    location.set_verified(file.verified);
    location.set_from_cache(file.from_cache);
  }
  message.set_bytes_fetched(result.bytes_fetched);
  message.set_requests(result.requests);
  message.set_stale(result.stale);
  message.set_warning(valid_utf8(result.warning));
  return message;
}

v1::PlanResponse to_message(engine::PlanResult const& plan) {
  v1::PlanResponse message;
  message.set_commit(plan.commit.hex());
  for (auto const& file : plan.files) {
    auto& planned = *message.add_files();
    planned.set_path(valid_utf8(file.path));
    planned.set_size(file.size);
    planned.set_etag(valid_utf8(file.etag));
    planned.set_cached(file.cached);
    planned.set_bytes_network(file.bytes_network);
    planned.set_local_path(valid_utf8(file.local_path));
    planned.set_bytes_repo(file.bytes_repo);
    planned.set_bytes_others(file.bytes_others);
    planned.set_xet(file.xet);
    planned.set_unknown(file.unknown);
  }
  message.set_bytes_total(plan.bytes_total);
  message.set_bytes_cached(plan.bytes_cached);
  message.set_bytes_resumable(plan.bytes_resumable);
  message.set_bytes_network(plan.bytes_network);
  message.set_bytes_free(plan.bytes_free);
  message.set_bytes_floor(plan.bytes_floor);
  message.set_fits(plan.fits);
  message.set_requests(plan.requests);
  message.set_bytes_repo(plan.bytes_repo);
  message.set_bytes_others(plan.bytes_others);
  message.set_files_unknown(plan.files_unknown);
  return message;
}

v1::ReadyResponse to_message(engine::ReadyResult const& ready) {
  v1::ReadyResponse message;
  message.set_ready(ready.ready);
  message.set_commit(ready.commit);
  message.set_files_total(ready.files_total);
  for (auto const& path : ready.missing) message.add_missing(valid_utf8(path));
  for (auto const& path : ready.unverified) message.add_unverified(valid_utf8(path));
  message.set_reason(valid_utf8(ready.reason));
  return message;
}

v1::Transfer to_message(engine::TransferInfo const& transfer) {
  v1::Transfer message;
  message.set_id(transfer.id);
  message.mutable_repo()->set_type(to_message(transfer.repo.type));
  message.mutable_repo()->set_id(transfer.repo.id);
  message.mutable_repo()->set_revision(transfer.revision);
  message.set_commit(transfer.commit);
  message.set_state(transfer.state);
  message.set_waiting_for(valid_utf8(transfer.progress.waiting_for));
  message.set_bytes_total(transfer.progress.bytes_total);
  message.set_bytes_done(transfer.progress.bytes_done);
  message.set_bytes_fetched(transfer.bytes_fetched);
  message.set_files_total(transfer.progress.files_total);
  message.set_files_done(transfer.progress.files_done);
  message.set_rate(transfer.progress.rate);
  message.set_eta_seconds(transfer.progress.eta_seconds);
  message.set_leases(transfer.leases);
  message.set_detached(transfer.detached);
  message.set_priority(to_message(transfer.priority));
  message.set_path(valid_utf8(transfer.path));
  message.set_deadline_seconds(std::max(transfer.progress.deadline_seconds, 0.0));
  message.set_created_unix_ms(unix_ms(transfer.created));
  if (transfer.error) *message.mutable_error() = to_detail(*transfer.error);
  return message;
}

v1::WhyResponse to_message(engine::Why const& why, Time now) {
  v1::WhyResponse message;
  *message.mutable_transfer() = to_message(why.transfer);
  for (auto const& wait : why.waits) {
    auto& one = *message.add_waits();
    one.set_kind(std::string(engine::name_of(wait.kind)));
    one.set_what(valid_utf8(wait.what));
    one.set_file(valid_utf8(wait.file));
    one.set_host(valid_utf8(wait.host));
    one.set_route(wait.route);
    one.set_holder(valid_utf8(wait.holder));
    one.set_since_unix_ms(unix_ms(wait.since));
    one.set_address(wait.address);
  }
  for (auto const& range : why.ranges) *message.add_ranges() = to_message(why.transfer.id, range, now);
  for (auto const& event : why.events) {
    auto& one = *message.add_events();
    one.set_kind(std::string(engine::name_of(event.kind)));
    one.set_unix_ms(unix_ms(event.time));
    one.set_what(valid_utf8(event.what));
    one.set_count(event.count);
  }
  return message;
}

v1::OverviewResponse to_message(engine::Overview const& overview, Time now) {
  v1::OverviewResponse message;
  for (auto const& transfer : overview.transfers) *message.add_transfers() = to_message(transfer);
  for (auto const& [id, range] : overview.ranges) *message.add_ranges() = to_message(id, range, now);
  auto const& from = overview.budgets;
  auto& budgets = *message.mutable_budgets();
  budgets.set_bandwidth_max(from.bandwidth_max.value_or(0));
  budgets.set_bandwidth(from.bandwidth);
  budgets.set_bandwidth_waiting(from.bandwidth_waiting);
  budgets.set_connections(from.connections);
  budgets.set_connections_max(from.connections_max);
  budgets.set_connections_per_host_max(from.connections_per_host_max);
  budgets.set_connections_waiting(from.connections_waiting);
  for (auto const& [host, connections] : from.hosts) {
    auto& use = *budgets.add_hosts();
    use.set_host(valid_utf8(host));
    use.set_connections(connections);
  }
  budgets.set_memory(from.memory);
  budgets.set_memory_max(from.memory_max);
  budgets.set_disk_reserved(from.disk_reserved);
  budgets.set_disk_floor(from.disk_floor);
  for (auto const& window : from.windows) {  // without whose token it is
    auto& one = *budgets.add_windows();
    one.set_origin(valid_utf8(window.key.origin));
    one.set_category(window.key.category);
    one.set_remaining(window.remaining);
    one.set_reset_seconds(std::chrono::duration<double>(window.reset).count());
    one.set_waiting(window.waiting);
  }
  return message;
}

}  // namespace hubd::daemon
