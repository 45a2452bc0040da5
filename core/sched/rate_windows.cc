// SPDX-License-Identifier: Apache-2.0
#include "core/sched/rate_windows.h"

#include <algorithm>

namespace hubd::sched {
namespace {

constexpr Duration probe_look = std::chrono::milliseconds(200);  // how often the others look whether the first was answered
constexpr Duration probe_max = std::chrono::seconds(30);         // an answer that does not come must not hold up the others
constexpr Duration slot = std::chrono::milliseconds(20);         // between two that waited
constexpr Duration pace_max = std::chrono::seconds(20);
constexpr Duration same_window = std::chrono::seconds(2);        // announced ends of one window differ by whole seconds
constexpr std::size_t states_max = 4096;

}  // namespace

std::optional<Time> RateWindows::ask(Key const& key, Time now) {
  auto const found = states_.find(key);
  if (found == states_.end()) return std::nullopt;
  auto& state = found->second;
  if (state.known && state.remaining <= 0) {
    state.reopening = true;
    if (now < state.reset) {
      ++state.waiting;
      return state.reset;
    }
  }
  if (state.known && now >= state.reset) state.known = false;
  if (state.reopening) {
    if (state.probing && now - state.probe_sent < probe_max) return now + probe_look;
    state.probing = true;
    state.probe_sent = now;
    return std::nullopt;
  }
  if (now < state.paced_until) {
    if (now < state.next_slot) {
      auto const at = state.next_slot;
      state.next_slot += slot;
      return at;
    }
    state.next_slot = now + slot;
  }
  if (state.known) --state.remaining;
  return std::nullopt;
}

void RateWindows::reopened(State& state, Time now) {
  if (!state.reopening) return;
  state.reopening = false;
  state.probing = false;
  state.paced_until = now + std::min<Duration>(pace_max, slot * static_cast<std::int64_t>(state.waiting + 1));
  state.next_slot = now;
  state.waiting = 0;
}

void RateWindows::left(Key const& key, Time now, std::int64_t remaining, Duration reset) {
  if (states_.size() >= states_max && !states_.contains(key)) states_.clear();
  auto& state = states_[key];
  auto const end = now + reset;
  // Answers of one window may arrive in any order, and requests are under way: what is left never grows within it.
  bool const same = state.known && now < state.reset && end < state.reset + same_window;
  state.remaining = same ? std::min(state.remaining, remaining) : remaining;
  state.reset = same ? std::max(state.reset, end) : end;
  state.known = true;
  if (state.remaining > 0) reopened(state, now);
  if (state.remaining <= 0) {
    state.reset = std::max(state.reset, end + std::chrono::seconds(1));  // as the stock client waits
    state.reopening = true;
    state.probing = false;
  }
}

void RateWindows::refused(Key const& key, Time now, Duration wait) {
  if (states_.size() >= states_max && !states_.contains(key)) states_.clear();
  auto& state = states_[key];
  state.reset = std::max(state.known ? state.reset : now, now + wait);
  state.remaining = 0;
  state.known = true;
  state.reopening = true;
  state.probing = false;
}

void RateWindows::answered(Key const& key) {
  auto const found = states_.find(key);
  if (found != states_.end() && !found->second.known) reopened(found->second, found->second.probe_sent);
}

void RateWindows::unanswered(Key const& key) {
  auto const found = states_.find(key);
  if (found != states_.end()) found->second.probing = false;
}

std::vector<RateWindows::Window> RateWindows::windows(Time now) const {
  std::vector<Window> out;
  for (auto const& [key, state] : states_)
    if (state.known && now < state.reset) out.push_back({key, std::max<std::int64_t>(state.remaining, 0), state.reset - now, state.waiting});
  return out;
}

}  // namespace hubd::sched
