// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "core/cas/client.h"
#include "core/engine/desk.h"
#include "core/engine/fingerprint.h"
#include "core/engine/journal.h"
#include "core/engine/ledger.h"
#include "core/engine/make_engine.h"
#include "core/engine/places.h"
#include "core/sched/disk_budget.h"
#include "core/store/store.h"

namespace hubd::engine {

class TransferJob;

/// Failures that say nothing about the repo itself: what is known here may stand in.
inline bool hub_is_away(Error const& error) {
  return error.kind == ErrorKind::unreachable || error.kind == ErrorKind::stalled || error.kind == ErrorKind::rate_limited ||
         error.kind == ErrorKind::offline || error.kind == ErrorKind::bad_upstream;
}

/// What whoever asks for files is told while hubd stops.
inline Error stopping_error() { return fail(ErrorKind::unavailable, "hubd is stopping; run the same again, what came so far is kept"); }

/// What all parts of the engine share. Lives as long as the engine; changed on its executor only.
struct Context {
  Context(Options o, Parts p)
      : options(std::move(o)),
        parts(p),
        tuning(options.tuning),
        partials(options.state_folder + "/partials"),
        cas(p.http, p.timers, p.log),
        desk(p.executor, p.timers, permit_limits()),
        places(options.transfers_at_work) {
    desk.set_bandwidth(tuning.bandwidth);
  }

  Options options;
  Parts parts;
  Tuning tuning;
  std::string partials;  ///< folder
  cas::Client cas;
  Desk desk;
  Places places;  ///< of transfers at work
  sched::DiskBudget disk;
  std::unique_ptr<Ledger> ledger;    ///< set by start()
  std::unique_ptr<Journal> journal;  ///< set by start()
  std::unique_ptr<store::Store> store;  ///< set by start()
  Totals totals;
  std::function<void(std::shared_ptr<TransferJob>)> drive;  ///< set by the engine: a shelved transfer is to go on
  std::function<void(std::string path, std::string etag)> adopt_later;  ///< set by the engine: when there is time
  std::atomic<bool> stopping = false;  ///< atomic: hashing on the pool looks at it

  /// Each permit may hold a block of a body in memory, and as much again on its way to disk and hash.
  static constexpr Bytes memory_per_permit = 4_MiB;
  [[nodiscard]] sched::Admission::Limits permit_limits() const {
    auto const total = std::max<std::size_t>(1, std::min<std::size_t>(tuning.connections_total, options.memory_max / memory_per_permit));
    return {total, tuning.connections_per_host, tuning.connections_per_file};
  }
  void tune(Tuning const& fresh) {
    tuning = fresh;
    desk.set_limits(permit_limits());
    desk.set_bandwidth(tuning.bandwidth);
  }
  /// For reading that nobody waits for.
  [[nodiscard]] asio::any_io_executor background() const { return parts.background ? parts.background : parts.hashing; }
  [[nodiscard]] Clock const& clock() const { return parts.timers.clock(); }
  [[nodiscard]] bool offline(Caller const& caller) const {
    return caller.offline || tuning.network == Tuning::Network::offline;
  }
  /// The other upstreams, when the caller uses the default one.
  [[nodiscard]] std::vector<std::string> mirrors(std::string const& endpoint) const {
    if (options.upstreams.empty() || options.upstreams.front() != endpoint) return {};
    return {options.upstreams.begin() + 1, options.upstreams.end()};
  }
};

}  // namespace hubd::engine
