// SPDX-License-Identifier: Apache-2.0
#include "core/sched/bandwidth.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace hubd::sched {
namespace {

constexpr Bytes quantum_min = 16_KiB;
constexpr unsigned forget_every = 256;  // grants: looking through all costs more than a step may
constexpr std::uint64_t unit = 16;  // weights divide it, so that received bytes stay whole numbers

std::uint64_t cost(Bytes bytes, Priority priority) { return bytes * unit / weight(priority); }

}  // namespace

Bytes Bandwidth::quantum() const { return rate_ ? std::clamp<Bytes>(*rate_ / 20, quantum_min, quantum_max) : quantum_max; }

void Bandwidth::set_rate(Time now, std::optional<Bytes> per_second) {
  fill(now);
  rate_ = per_second;
  filled_ = now;
  level_ = std::clamp<double>(level_, -static_cast<double>(quantum()), burst());
}

/// What nobody took for longer than a twentieth of a second is lost: a pause is no credit for a burst, a late wake is.
double Bandwidth::burst() const { return static_cast<double>(std::max(quantum(), rate_.value_or(0) / 20)); }

void Bandwidth::fill(Time now) {
  if (!rate_ || now <= filled_) return;
  std::chrono::duration<double> const passed = now - filled_;
  level_ = std::min(level_ + passed.count() * static_cast<double>(*rate_), burst());
  filled_ = now;
}

void Bandwidth::take_out(Group& group, TransferKey key, Flow const& flow) {
  if (!flow.waiting.empty()) group.line.erase({flow.received, *flow.waiting.begin(), key});
}

void Bandwidth::put_in(Group& group, TransferKey key, Flow const& flow) {
  if (!flow.waiting.empty()) group.line.insert({flow.received, *flow.waiting.begin(), key});
}

Bandwidth::Ticket Bandwidth::ask(Who who) {
  Ticket const ticket{next_++};
  auto& group = groups_[who.principal];
  if (group.waiting++ == 0) group.received = std::max(group.received, floor_);
  auto& flow = group.transfers[who.transfer];
  take_out(group, who.transfer, flow);
  if (flow.waiting.empty()) flow.received = std::max(flow.received, group.floor);
  flow.waiting.insert(ticket);
  put_in(group, who.transfer, flow);
  line_.emplace_hint(line_.end(), ticket, who);
  return ticket;
}

void Bandwidth::leave(Ticket ticket) {
  auto const found = line_.find(ticket);
  if (found == line_.end()) return;
  auto const& who = found->second;
  auto& group = groups_[who.principal];
  auto& flow = group.transfers[who.transfer];
  take_out(group, who.transfer, flow);
  flow.waiting.erase(ticket);
  put_in(group, who.transfer, flow);
  --group.waiting;
  line_.erase(found);
}

std::optional<Bandwidth::Grant> Bandwidth::grant(Time now) {
  if (line_.empty()) return std::nullopt;
  fill(now);
  if (rate_ && level_ <= 0) return std::nullopt;
  std::optional<std::pair<std::uint64_t, Place>> best;
  for (auto const& [principal, group] : groups_) {
    if (group.line.empty()) continue;
    std::pair const first(group.received, *group.line.begin());
    if (!best || first < *best) best = first;
  }
  auto const ticket = std::get<Ticket>(best->second);
  auto const who = line_.find(ticket)->second;
  auto const bytes = quantum();
  auto& group = groups_[who.principal];
  auto& flow = group.transfers[who.transfer];
  floor_ = std::max(floor_, group.received);
  group.floor = std::max(group.floor, flow.received);
  leave(ticket);
  group.received += cost(bytes, who.priority);
  take_out(group, who.transfer, flow);
  flow.received += cost(bytes, who.priority);
  put_in(group, who.transfer, flow);
  if (rate_) level_ -= static_cast<double>(bytes);
  if (++grants_ >= forget_every) forget_idle();
  return Grant{ticket, bytes};
}

void Bandwidth::give_back(Who const& who, Bytes bytes) {
  if (rate_) level_ = std::min(level_ + static_cast<double>(bytes), burst());
  auto const group = groups_.find(who.principal);
  if (group == groups_.end()) return;
  auto const less = [&](std::uint64_t& received) { received -= std::min(received, cost(bytes, who.priority)); };
  less(group->second.received);
  auto const flow = group->second.transfers.find(who.transfer);
  if (flow == group->second.transfers.end()) return;
  take_out(group->second, who.transfer, flow->second);
  less(flow->second.received);
  put_in(group->second, who.transfer, flow->second);
}

std::optional<Time> Bandwidth::next(Time now) {
  if (line_.empty()) return std::nullopt;
  fill(now);
  if (!rate_ || level_ > 0) return now;
  auto const seconds = (1 - level_) / static_cast<double>(*rate_);
  return now + std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(seconds * 1e9)));
}

void Bandwidth::forget_idle() {
  grants_ = 0;
  for (auto group = groups_.begin(); group != groups_.end();) {
    auto& [principal, all] = *group;
    std::erase_if(all.transfers, [&](auto const& one) { return one.second.waiting.empty() && one.second.received <= all.floor; });
    bool const gone = all.transfers.empty() && all.waiting == 0 && all.received <= floor_;
    group = gone ? groups_.erase(group) : std::next(group);
  }
}

}  // namespace hubd::sched
