// SPDX-License-Identifier: Apache-2.0
#include "core/sched/bandwidth.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace hubd::sched {
namespace {

constexpr Bytes quantum_min = 16_KiB;
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

Bandwidth::Ticket Bandwidth::ask(Who who) {
  Ticket const ticket{next_++};
  auto& group = groups_[who.principal];
  if (group.flow.waiting++ == 0) group.flow.received = std::max(group.flow.received, floor_);
  auto& flow = group.transfers[who.transfer];
  if (flow.waiting++ == 0) flow.received = std::max(flow.received, group.floor);
  line_.emplace(ticket, who);
  return ticket;
}

void Bandwidth::leave(Ticket ticket) {
  auto const found = line_.find(ticket);
  if (found == line_.end()) return;
  auto& group = groups_[found->second.principal];
  --group.flow.waiting;
  --group.transfers[found->second.transfer].waiting;
  line_.erase(found);
}

std::optional<Bandwidth::Grant> Bandwidth::grant(Time now) {
  if (line_.empty()) return std::nullopt;
  fill(now);
  if (rate_ && level_ <= 0) return std::nullopt;
  using Order = std::tuple<std::uint64_t, std::uint64_t, Ticket>;
  std::optional<Order> best;
  for (auto const& [ticket, who] : line_) {
    auto const& group = groups_[who.principal];
    Order const order{group.flow.received, group.transfers.find(who.transfer)->second.received, ticket};
    if (!best || order < *best) best = order;
  }
  auto const ticket = std::get<Ticket>(*best);
  auto const who = line_.find(ticket)->second;
  auto const bytes = quantum();
  auto& group = groups_[who.principal];
  auto& flow = group.transfers[who.transfer];
  floor_ = std::max(floor_, group.flow.received);
  group.floor = std::max(group.floor, flow.received);
  leave(ticket);
  group.flow.received += cost(bytes, who.priority);
  flow.received += cost(bytes, who.priority);
  if (rate_) level_ -= static_cast<double>(bytes);
  forget_idle();
  return Grant{ticket, bytes};
}

void Bandwidth::give_back(Who const& who, Bytes bytes) {
  if (rate_) level_ = std::min(level_ + static_cast<double>(bytes), burst());
  auto const group = groups_.find(who.principal);
  if (group == groups_.end()) return;
  auto const less = [&](Flow& flow) { flow.received -= std::min(flow.received, cost(bytes, who.priority)); };
  less(group->second.flow);
  auto const flow = group->second.transfers.find(who.transfer);
  if (flow != group->second.transfers.end()) less(flow->second);
}

std::optional<Time> Bandwidth::next(Time now) {
  if (line_.empty()) return std::nullopt;
  fill(now);
  if (!rate_ || level_ > 0) return now;
  auto const seconds = (1 - level_) / static_cast<double>(*rate_);
  return now + std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(seconds * 1e9)));
}

void Bandwidth::forget_idle() {
  for (auto group = groups_.begin(); group != groups_.end();) {
    auto const idle = [](Flow const& flow, std::uint64_t floor) { return flow.waiting == 0 && flow.received <= floor; };
    std::erase_if(group->second.transfers, [&](auto const& one) { return idle(one.second, group->second.floor); });
    bool const gone = group->second.transfers.empty() && idle(group->second.flow, floor_);
    group = gone ? groups_.erase(group) : std::next(group);
  }
}

}  // namespace hubd::sched
