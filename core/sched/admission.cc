// SPDX-License-Identifier: Apache-2.0
#include "core/sched/admission.h"

#include <tuple>

namespace hubd::sched {
namespace {

/// One permit of that priority: weights divide it.
std::uint64_t share(Priority priority) { return weight(Priority::interactive) / weight(priority); }

template <class Map, class Key>
typename Map::mapped_type count_of(Map const& map, Key const& key) {
  auto const found = map.find(key);
  return found == map.end() ? typename Map::mapped_type{} : found->second;
}

template <class Map, class Key>
void give_back(Map& map, Key const& key, typename Map::mapped_type amount = 1) {
  auto const found = map.find(key);
  found->second -= amount;
  if (found->second == 0) map.erase(found);
}

}  // namespace

Admission::Ticket Admission::ask(Who who) {
  Ticket const ticket{next_++};
  waiting_.emplace(ticket, std::move(who));
  return ticket;
}

void Admission::leave(Ticket ticket) {
  if (waiting_.erase(ticket) > 0) return;
  auto const found = granted_.find(ticket);
  if (found == granted_.end()) return;
  auto const& who = found->second;
  give_back(use_.hosts, who.host);
  give_back(use_.files, who.file);
  give_back(use_.transfers, who.transfer, share(who.priority));
  give_back(use_.principals, who.principal, share(who.priority));
  --in_use_;
  granted_.erase(found);
}

void Admission::set_priority(FileKey file, Priority priority) {
  for (auto& [ticket, who] : waiting_)
    if (who.file == file) who.priority = priority;
  for (auto& [ticket, who] : granted_) {
    if (who.file != file || who.priority == priority) continue;
    give_back(use_.transfers, who.transfer, share(who.priority));
    give_back(use_.principals, who.principal, share(who.priority));
    who.priority = priority;
    use_.transfers[who.transfer] += share(priority);
    use_.principals[who.principal] += share(priority);
  }
}

std::optional<Admission::Ticket> Admission::grant() {
  if (in_use_ >= limits_.total) return std::nullopt;
  using Order = std::tuple<std::uint64_t, std::uint64_t, Ticket>;
  std::optional<Order> best;
  for (auto const& [ticket, who] : waiting_) {
    if (count_of(use_.hosts, who.host) >= limits_.per_host || count_of(use_.files, who.file) >= limits_.per_file) continue;
    Order const order{count_of(use_.principals, who.principal), count_of(use_.transfers, who.transfer), ticket};
    if (!best || order < *best) best = order;
  }
  if (!best) return std::nullopt;
  auto const ticket = std::get<Ticket>(*best);
  auto node = waiting_.extract(ticket);
  auto const& who = node.mapped();
  ++use_.hosts[who.host];
  ++use_.files[who.file];
  use_.transfers[who.transfer] += share(who.priority);
  use_.principals[who.principal] += share(who.priority);
  ++in_use_;
  granted_.insert(std::move(node));
  return ticket;
}

}  // namespace hubd::sched
