// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <map>
#include <memory>

#include "core/engine/silence.h"
#include "core/net/signal.h"
#include "core/net/timers.h"
#include "core/sched/admission.h"
#include "core/sched/bandwidth.h"
#include "core/sched/bandwidth_plan.h"
#include "core/transfer/permits.h"

namespace hubd::engine {

/// Where files stand in line for permits and for bytes: Admission and Bandwidth decide, the desk lets them wait and wakes
/// them. All on one executor. Dies after everybody who waits or holds.
class Desk {
 public:
  Desk(asio::any_io_executor executor, net::Timers& timers, sched::Admission::Limits limits)
      : executor_(executor), timers_(timers), admission_(limits), line_changed_(std::move(executor)) {}

  /// Hands out bytes to who waits for them, until cancelled. To be spawned once.
  asio::awaitable<void> pace();
  /// `who` is shared with whoever may change its priority, which is looked at for every quantum of bytes. Fails: cancelled.
  Async<std::unique_ptr<transfer::Permit>> acquire(std::shared_ptr<sched::Admission::Who const> who);
  /// After the priority of a `who` was changed: what waits and what is held counts by it from now on.
  void reweigh(sched::Admission::Who const& who);
  /// Takes effect at once, also for who waits.
  void set_limits(sched::Admission::Limits limits);
  void set_bandwidth(sched::BandwidthPlan plan);
  /// In force now; nothing: no limit.
  [[nodiscard]] std::optional<Bytes> bandwidth() const { return bandwidth_.rate(); }
  [[nodiscard]] std::size_t in_use() const { return admission_.in_use(); }
  [[nodiscard]] std::size_t waiting() const { return admission_.waiting(); }
  [[nodiscard]] std::size_t waiting_for_bytes() const { return byte_waiters_.size(); }
  [[nodiscard]] sched::Admission::Limits const& limits() const { return admission_.limits(); }
  [[nodiscard]] std::map<std::string, std::size_t> hosts() const { return admission_.hosts(); }
  /// What one file holds and waits for.
  struct Standing {
    std::size_t permits = 0;
    std::optional<Time> permit_since;  ///< it waits for (another) permit since then
    std::optional<Time> bytes_since;   ///< it waits for bytes since then
  };
  [[nodiscard]] Standing standing(sched::FileKey file) const;
  [[nodiscard]] Silence& silence() { return silence_; }
  [[nodiscard]] Clock const& clock() const { return timers_.clock(); }

 private:
  class Held;
  struct Waiter {
    Waiter(asio::any_io_executor executor, sched::FileKey key, Time now) : woken(std::move(executor)), file(key), since(now) {}
    net::Signal woken;
    sched::FileKey file;
    Time since;
    bool granted = false;
    Bytes bytes = 0;
  };
  void leave(sched::Admission::Ticket ticket);
  void pump();
  Async<Bytes> quantum(sched::Bandwidth::Who who, sched::FileKey file);
  void pump_bytes();
  /// Sets the rate that holds at this time of day.
  void follow_the_day();

  asio::any_io_executor executor_;
  net::Timers& timers_;
  sched::Admission admission_;
  std::map<sched::Admission::Ticket, Waiter*> waiters_;  // each lives in its acquire()
  sched::BandwidthPlan plan_;
  sched::Bandwidth bandwidth_;
  std::map<sched::Bandwidth::Ticket, Waiter*> byte_waiters_;  // each lives in its quantum()
  net::Signal line_changed_;
  Silence silence_;
};

/// One file's place at the desk.
class FilePermits final : public transfer::Permits {
 public:
  FilePermits(Desk& desk, sched::Admission::Who who) : desk_(desk), who_(std::make_shared<sched::Admission::Who>(std::move(who))) {}
  /// By which route the file comes from now on.
  void come_by(std::string_view route) { way_ = who_->host + " " + std::string(route); }
  Async<std::unique_ptr<transfer::Permit>> acquire() override { return desk_.acquire(who_); }
  [[nodiscard]] Duration served(Time asked) const override { return desk_.silence().served(way_, asked, desk_.clock().now()); }
  void heard() override { desk_.silence().heard(way_, desk_.clock().now()); }
  void in_vain(Duration idle) override { desk_.silence().in_vain(way_, desk_.clock().now(), idle); }
  [[nodiscard]] sched::Admission::Who const& who() const { return *who_; }
  [[nodiscard]] Desk::Standing standing() const { return desk_.standing(who_->file); }
  /// It matters at least so much from now on.
  void raise(sched::Priority priority, bool awaited) {
    if (priority <= who_->priority && (who_->awaited || !awaited)) return;
    who_->priority = std::max(priority, who_->priority);
    who_->awaited = who_->awaited || awaited;
    desk_.reweigh(*who_);
  }

 private:
  Desk& desk_;
  std::shared_ptr<sched::Admission::Who> who_;  // shared with the permits that are held
  std::string way_;
};

}  // namespace hubd::engine
