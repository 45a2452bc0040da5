// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>

#include "core/net/signal.h"
#include "core/sched/admission.h"
#include "core/transfer/permits.h"

namespace hubd::engine {

/// Where files stand in line for permits: Admission decides, the desk lets them wait and wakes them.
/// All on one executor. Dies after everybody who waits or holds.
class Desk {
 public:
  Desk(asio::any_io_executor executor, sched::Admission::Limits limits) : executor_(std::move(executor)), admission_(limits) {}

  /// Fails: cancelled.
  Async<std::unique_ptr<transfer::Permit>> acquire(sched::Admission::Who who);
  [[nodiscard]] std::size_t in_use() const { return admission_.in_use(); }

 private:
  class Held;
  struct Waiter {
    explicit Waiter(asio::any_io_executor executor) : woken(std::move(executor)) {}
    net::Signal woken;
    bool granted = false;
  };
  void leave(sched::Admission::Ticket ticket);
  void pump();

  asio::any_io_executor executor_;
  sched::Admission admission_;
  std::map<sched::Admission::Ticket, Waiter*> waiters_;  // each lives in its acquire()
};

/// One file's place at the desk.
class FilePermits final : public transfer::Permits {
 public:
  FilePermits(Desk& desk, sched::Admission::Who who) : desk_(desk), who_(std::move(who)) {}
  Async<std::unique_ptr<transfer::Permit>> acquire() override { return desk_.acquire(who_); }

 private:
  Desk& desk_;
  sched::Admission::Who who_;
};

}  // namespace hubd::engine
