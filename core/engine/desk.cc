// SPDX-License-Identifier: Apache-2.0
#include "core/engine/desk.h"

#include <algorithm>
#include <ctime>

namespace hubd::engine {
namespace {

constexpr Duration look_again = std::chrono::seconds(1);  // at the time of day, and whether the rate was changed

int minute_of_day(WallTime time) {
  auto const seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  localtime_r(&seconds, &local);
  return local.tm_hour * 60 + local.tm_min;
}

}  // namespace

class Desk::Held final : public transfer::Permit {
 public:
  Held(Desk& desk, sched::Admission::Ticket ticket, std::shared_ptr<sched::Admission::Who const> who)
      : desk_(desk), ticket_(ticket), who_(std::move(who)) {}
  ~Held() override {
    if (left_ > 0) desk_.bandwidth_.give_back(charged_, left_);
    desk_.leave(ticket_);
  }

  [[nodiscard]] Bytes allowed(Bytes wanted) const override {
    if (!desk_.bandwidth_.rate()) return wanted;
    return std::min(wanted, left_);
  }
  void spend(Bytes bytes) override { left_ -= std::min(left_, bytes); }
  Async<void> more() override {
    charged_ = {who_->principal, who_->transfer, who_->priority};
    auto const quantum = co_await desk_.quantum(charged_, who_->file);
    if (!quantum) co_return quantum.error();
    left_ += *quantum;
    co_return Result<void>();
  }

 private:
  Desk& desk_;
  sched::Admission::Ticket ticket_;
  std::shared_ptr<sched::Admission::Who const> who_;  // with whoever may change its priority
  sched::Bandwidth::Who charged_{};   // for the last quantum
  Bytes left_ = 0;
};

void Desk::set_limits(sched::Admission::Limits limits) {
  admission_.set_limits(limits);
  pump();
}

void Desk::set_bandwidth(sched::BandwidthPlan plan) {
  plan_ = std::move(plan);
  follow_the_day();
  pump_bytes();
  line_changed_.notify();
}

void Desk::follow_the_day() {
  auto const rate = plan_.windows.empty() ? plan_.always : plan_.at(minute_of_day(timers_.clock().wall()));
  if (rate != bandwidth_.rate()) bandwidth_.set_rate(timers_.clock().now(), rate);
}

void Desk::pump_bytes() {
  while (auto const grant = bandwidth_.grant(timers_.clock().now())) {
    auto* const waiter = byte_waiters_.find(grant->ticket)->second;
    waiter->granted = true;
    waiter->bytes = grant->bytes;
    waiter->woken.notify();
  }
}

asio::awaitable<void> Desk::pace() {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  while (true) {
    if (!plan_.windows.empty()) follow_the_day();
    pump_bytes();
    auto const now = timers_.clock().now();
    auto const next = bandwidth_.next(now);
    bool go_on = false;
    if (next) {
      go_on = co_await timers_.sleep_until(std::min(*next, now + look_again));
    } else if (!plan_.windows.empty() && in_use() > 0) {
      go_on = co_await timers_.sleep_for(look_again);  // a window may begin while bytes move without a limit
    } else {
      go_on = co_await line_changed_.wait();
    }
    if (!go_on) co_return;
  }
}

Async<Bytes> Desk::quantum(sched::Bandwidth::Who who, sched::FileKey file) {
  auto const ticket = bandwidth_.ask(who);
  Waiter waiter(executor_, file, timers_.clock().now());
  struct Place {  // leaves the line also when this coroutine is unwound
    Desk& desk;
    sched::Bandwidth::Ticket ticket;
    ~Place() {
      desk.bandwidth_.leave(ticket);
      desk.byte_waiters_.erase(ticket);
    }
  };
  byte_waiters_.emplace(ticket, &waiter);
  Place const place{*this, ticket};
  pump_bytes();
  if (!waiter.granted) line_changed_.notify();
  while (!waiter.granted) {
    bool const woken = co_await waiter.woken.wait();
    if (!woken) co_return fail(ErrorKind::cancelled, "waiting for bandwidth was cancelled");
  }
  co_return waiter.bytes;
}

void Desk::reweigh(sched::Admission::Who const& who) {
  admission_.set_priority(who.file, who.priority, who.awaited);
  pump();
}

Desk::Standing Desk::standing(sched::FileKey file) const {
  auto const place = admission_.standing(file);
  Standing standing;
  standing.permits = place.held;
  if (place.first) {
    auto const waiter = waiters_.find(*place.first);
    if (waiter != waiters_.end()) standing.permit_since = waiter->second->since;
  }
  for (auto const& [ticket, waiter] : byte_waiters_)
    if (waiter->file == file && (!standing.bytes_since || waiter->since < *standing.bytes_since)) standing.bytes_since = waiter->since;
  return standing;
}

void Desk::leave(sched::Admission::Ticket ticket) {
  admission_.leave(ticket);
  pump();
}

void Desk::pump() {
  while (auto const ticket = admission_.grant()) {
    auto const found = waiters_.find(*ticket);
    found->second->granted = true;
    found->second->woken.notify();
  }
}

Async<std::unique_ptr<transfer::Permit>> Desk::acquire(std::shared_ptr<sched::Admission::Who const> who) {
  auto const ticket = admission_.ask(*who);
  line_changed_.notify();
  Waiter waiter(executor_, who->file, timers_.clock().now());
  struct Place {  // leaves the table also when this coroutine is unwound
    Desk& desk;
    sched::Admission::Ticket ticket;
    ~Place() { desk.waiters_.erase(ticket); }
  };
  auto held = std::make_unique<Held>(*this, ticket, who);
  waiters_.emplace(ticket, &waiter);
  Place const place{*this, ticket};
  pump();
  while (!waiter.granted) {
    bool const woken = co_await waiter.woken.wait();
    if (!woken) co_return fail(ErrorKind::cancelled, "waiting for a connection was cancelled");
  }
  co_return std::unique_ptr<transfer::Permit>(std::move(held));
}

}  // namespace hubd::engine
