// SPDX-License-Identifier: Apache-2.0
#include "core/sched/admission.h"

#include <algorithm>

namespace hubd::sched {
namespace {

/// One permit of that priority: weights divide it.
std::int64_t share(Priority priority) { return static_cast<std::int64_t>(weight(Priority::interactive) / weight(priority)); }

std::uint64_t changed(std::uint64_t value, std::int64_t change) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(value) + change); }

}  // namespace

void Admission::take_out(TransferId const& id, Transfer const& transfer) {
  if (!transfer.may_go.empty()) weight_ -= stride_max / transfer.stride;
  for (auto const& [name, tickets] : transfer.may_go) {
    auto& line = hosts_[name].line;
    auto const mine = line.find(id.first);
    mine->second.erase({transfer.held, transfer.turn(), *tickets.begin(), id.second});
    if (mine->second.empty()) line.erase(mine);
  }
}

void Admission::put_in(TransferId const& id, Transfer const& transfer) {
  if (!transfer.may_go.empty()) weight_ += stride_max / transfer.stride;
  for (auto const& [name, tickets] : transfer.may_go)
    hosts_[name].line[id.first].insert({transfer.held, transfer.turn(), *tickets.begin(), id.second});
}

template <class Change>
void Admission::change(TransferId const& id, Change const& make) {
  auto& transfer = transfers_[id];
  take_out(id, transfer);
  make(transfer);
  put_in(id, transfer);
}

void Admission::let_go(Ticket ticket, Who const& who) {
  change({who.principal, who.transfer}, [&](Transfer& transfer) { transfer.may_go[who.host].insert(ticket); });
}

void Admission::hold_back(Ticket ticket, Who const& who) {
  TransferId const id{who.principal, who.transfer};
  auto const found = transfers_.find(id);
  if (found == transfers_.end()) return;
  auto const tickets = found->second.may_go.find(who.host);
  if (tickets == found->second.may_go.end() || !tickets->second.contains(ticket)) return;
  change(id, [&](Transfer& transfer) {
    tickets->second.erase(ticket);
    if (tickets->second.empty()) transfer.may_go.erase(tickets);
  });
}

void Admission::set_held(TransferId const& id, std::int64_t more) {
  change(id, [&](Transfer& transfer) { transfer.held = changed(transfer.held, more); });
  auto const principal = principals_.try_emplace(id.first, 0).first;
  principal->second = changed(principal->second, more);
  if (principal->second == 0) principals_.erase(principal);
}

void Admission::have_turn(TransferId const& id) {
  change(id, [this](Transfer& transfer) {
    transfer.behind = transfer.turn();
    turn_ = std::max(turn_, transfer.behind - std::min(transfer.behind, stride_max * turn_unit));  // never far behind what it serves
    --transfer.waiting;
  });
}

void Admission::set_stride(Who const& who) {
  change({who.principal, who.transfer}, [&](Transfer& transfer) { transfer.stride = stride(who.priority, who.awaited); });
}

void Admission::forget_if_idle(Who const& who) {
  auto const transfer = transfers_.find({who.principal, who.transfer});
  if (transfer != transfers_.end() && transfer->second.held == 0 && transfer->second.waiting == 0) transfers_.erase(transfer);
  auto const file = files_.find(who.file);
  if (file != files_.end() && file->second.held == 0 && file->second.waiting.empty()) files_.erase(file);
  auto const host = hosts_.find(who.host);
  if (host != hosts_.end() && host->second.held == 0 && host->second.line.empty()) hosts_.erase(host);
}

void Admission::set_limits(Limits limits) {
  for (auto const& [ticket, who] : waiting_) hold_back(ticket, who);
  limits_ = limits;
  for (auto const& [ticket, who] : waiting_)
    if (files_[who.file].held < limits_.per_file) let_go(ticket, who);
}

Admission::Ticket Admission::ask(Who who) {
  Ticket const ticket{next_++};
  auto& transfer = transfers_[{who.principal, who.transfer}];
  if (transfer.waiting++ == 0) transfer.behind = std::max(transfer.behind, turn_);
  set_stride(who);
  auto& file = files_[who.file];
  file.waiting.insert(ticket);
  if (file.held < limits_.per_file) let_go(ticket, who);
  waiting_.emplace_hint(waiting_.end(), ticket, std::move(who));
  return ticket;
}

void Admission::set_priority(FileKey file, Priority priority, bool awaited) {
  auto const found = files_.find(file);
  if (found == files_.end()) return;
  for (auto const ticket : found->second.waiting) {
    auto& who = waiting_.find(ticket)->second;
    who.priority = priority;
    who.awaited = awaited;
    set_stride(who);
  }
  for (auto& [ticket, who] : granted_) {
    if (who.file != file) continue;
    set_held({who.principal, who.transfer}, share(priority) - share(who.priority));
    who.priority = priority;
    who.awaited = awaited;
    set_stride(who);
  }
}

void Admission::leave(Ticket ticket) {
  if (auto node = waiting_.extract(ticket)) {
    auto const& who = node.mapped();
    hold_back(ticket, who);
    --transfers_.find({who.principal, who.transfer})->second.waiting;
    files_.find(who.file)->second.waiting.erase(ticket);
    forget_if_idle(who);
    return;
  }
  auto const node = granted_.extract(ticket);
  if (!node) return;
  auto const& who = node.mapped();
  --in_use_;
  --hosts_.find(who.host)->second.held;
  set_held({who.principal, who.transfer}, -share(who.priority));
  auto& file = files_.find(who.file)->second;
  bool const was_full = file.held >= limits_.per_file;
  --file.held;
  if (was_full && file.held < limits_.per_file)
    for (auto const waiting : file.waiting) let_go(waiting, waiting_.find(waiting)->second);
  forget_if_idle(who);
}

std::optional<Admission::Ticket> Admission::grant() {
  if (in_use_ >= limits_.total) return std::nullopt;
  std::optional<std::pair<std::uint64_t, Place>> best;
  for (auto const& [name, host] : hosts_) {
    if (host.held >= limits_.per_host) continue;
    for (auto const& [principal, line] : host.line) {
      auto const held = principals_.find(principal);
      std::pair const first(held == principals_.end() ? std::uint64_t{0} : held->second, *line.begin());
      if (!best || first < *best) best = first;
    }
  }
  if (!best) return std::nullopt;
  turn_ += step(weight_);
  auto const ticket = std::get<Ticket>(best->second);
  auto node = waiting_.extract(ticket);
  auto const& who = node.mapped();
  hold_back(ticket, who);
  have_turn({who.principal, who.transfer});
  auto& file = files_.find(who.file)->second;
  file.waiting.erase(ticket);
  if (++file.held >= limits_.per_file)
    for (auto const waiting : file.waiting) hold_back(waiting, waiting_.find(waiting)->second);
  ++hosts_[who.host].held;
  set_held({who.principal, who.transfer}, share(who.priority));
  ++in_use_;
  granted_.insert(std::move(node));
  return ticket;
}

std::map<std::string, std::size_t> Admission::hosts() const {
  std::map<std::string, std::size_t> hosts;
  for (auto const& [name, host] : hosts_)
    if (host.held > 0) hosts.emplace(name, host.held);
  return hosts;
}

Admission::Standing Admission::standing(FileKey file) const {
  auto const found = files_.find(file);
  if (found == files_.end()) return {};
  auto const& waiting = found->second.waiting;
  return {found->second.held, waiting.size(), waiting.empty() ? std::nullopt : std::optional(*waiting.begin())};
}

}  // namespace hubd::sched
