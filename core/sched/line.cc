// SPDX-License-Identifier: Apache-2.0
#include "core/sched/line.h"

#include <algorithm>

namespace hubd::sched {
namespace {

constexpr std::uint8_t priorities = 3;

std::uint64_t stride_of(std::size_t kind) { return stride(static_cast<Priority>(kind % priorities), kind >= priorities); }

}  // namespace

std::uint8_t Line::kind_of(Priority priority, bool awaited) {
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(priority) + (awaited ? priorities : 0));
}

Line::Ticket Line::ask(Who who) {
  auto const ticket = static_cast<Ticket>(next_++);
  auto const kind = kind_of(who.priority, who.awaited);
  all_.emplace(ticket, Entry{who.principal, kind, false});
  stand(ticket, owners_[who.principal], kind);
  return ticket;
}

void Line::stand(Ticket ticket, Own& own, std::uint8_t kind) {
  auto& line = own.kinds[kind];
  if (line.waiting.empty()) line.pass = std::max(line.pass, own.pass);  // nothing is saved up while nobody stands there
  line.waiting.insert(ticket);
  ++own.waiting;
}

void Line::count(Own& own, std::uint8_t kind, std::ptrdiff_t change) {
  auto const by = static_cast<std::size_t>(change);  // wraps as it should
  own.held += by;
  held_ += by;
  if (kind < priorities) held_unawaited_ += by;
}

void Line::change(Ticket ticket, Priority priority, bool awaited) {
  auto& entry = all_.at(ticket);
  auto const kind = kind_of(priority, awaited);
  if (kind == entry.kind) return;
  auto& own = owners_.at(entry.principal);
  if (entry.held) {
    count(own, entry.kind, -1);
    count(own, kind, 1);
  } else {
    own.kinds[entry.kind].waiting.erase(ticket);
    --own.waiting;
    stand(ticket, own, kind);
  }
  entry.kind = kind;
}

void Line::leave(Ticket ticket) {
  auto const found = all_.find(ticket);
  if (found == all_.end()) return;
  auto const entry = found->second;
  all_.erase(found);
  auto& own = owners_.at(entry.principal);
  if (entry.held) {
    count(own, entry.kind, -1);
  } else {
    own.kinds[entry.kind].waiting.erase(ticket);
    --own.waiting;
  }
  if (own.held == 0 && own.waiting == 0) owners_.erase(entry.principal);
}

bool Line::may_go(std::size_t kind) const {
  auto const kept = places_ / 8;
  return held_ < places_ && (kind >= priorities || held_unawaited_ < places_ - kept);
}

std::size_t Line::next_kind(Own const& own) const {
  std::size_t best = kind_count;
  for (std::size_t kind = kind_count; kind-- > 0;) {  // of two as far, the heavier
    auto const& line = own.kinds[kind];
    if (line.waiting.empty() || !may_go(kind)) continue;
    if (best == kind_count || line.pass < own.kinds[best].pass) best = kind;
  }
  return best;
}

std::optional<Line::Ticket> Line::grant() {
  Own* poorest = nullptr;
  std::size_t kind = kind_count;
  for (auto& [principal, own] : owners_) {
    if (poorest != nullptr && own.held >= poorest->held) continue;
    auto const next = next_kind(own);
    if (next == kind_count) continue;
    poorest = &own;
    kind = next;
  }
  if (poorest == nullptr) return std::nullopt;
  auto& line = poorest->kinds[kind];
  auto const ticket = *line.waiting.begin();
  line.waiting.erase(line.waiting.begin());
  --poorest->waiting;
  poorest->pass = line.pass;
  line.pass += stride_of(kind);
  all_.at(ticket).held = true;
  count(*poorest, static_cast<std::uint8_t>(kind), 1);
  return ticket;
}

}  // namespace hubd::sched
