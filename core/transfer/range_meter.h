// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/http/client.h"
#include "core/transfer/route_judge.h"

namespace hubd::transfer {

/// How fast one range comes over its connection: tells the host's judge, and hears when it should go on over another one.
/// Only time spent in waiting for the peer counts against it. Told the time, asks no clock.
class RangeMeter {
 public:
  /// `route` is judged for the first time after `patience` of waiting for it. `judge` may be null: never slow beside others.
  RangeMeter(RouteJudge* judge, http::Route route, Time begun, Duration patience = first_patience)
      : judge_(judge), route_(std::move(route)), begun_(begun), patience_(patience) {}
  RangeMeter(RangeMeter const&) = delete;
  RangeMeter& operator=(RangeMeter const&) = delete;

  static constexpr Duration first_patience = std::chrono::seconds(5);

  /// A read begins, after all waits for turns.
  void ask(Time now) { asked_ = now; }
  /// It gave `bytes`. Gives why the range should be taken over by another connection.
  [[nodiscard]] std::optional<Error> got(Time now, Bytes bytes);
  /// The range came to its end.
  void whole();

 private:
  RouteJudge* judge_;
  http::Route route_;
  Time begun_;
  Duration patience_;
  Time asked_{};
  Time last_{};
  Bytes bytes_ = 0;
  Duration waited_{};        // of the period that is judged next
  Bytes bytes_of_period_ = 0;
};

}  // namespace hubd::transfer
