// SPDX-License-Identifier: Apache-2.0
#include "core/engine/desk.h"

namespace hubd::engine {

class Desk::Held final : public transfer::Permit {
 public:
  Held(Desk& desk, sched::Admission::Ticket ticket) : desk_(desk), ticket_(ticket) {}
  ~Held() override { desk_.leave(ticket_); }

 private:
  Desk& desk_;
  sched::Admission::Ticket ticket_;
};

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

Async<std::unique_ptr<transfer::Permit>> Desk::acquire(sched::Admission::Who who) {
  auto const ticket = admission_.ask(std::move(who));
  Waiter waiter(executor_);
  struct Place {  // leaves the table also when this coroutine is unwound
    Desk& desk;
    sched::Admission::Ticket ticket;
    ~Place() { desk.waiters_.erase(ticket); }
  };
  auto held = std::make_unique<Held>(*this, ticket);
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
