// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "core/base/log.h"
#include "core/http/route_book.h"
#include "core/sched/route_scores.h"
#include "core/transfer/route_judge.h"

namespace hubd::engine {

/// The host's one book of routes: connections ask it which address is best, transfers tell it how fast each one is.
/// On the engine's executor.
class Routes final : public http::RouteBook, public transfer::RouteJudge {
 public:
  /// Both outlive it.
  Routes(Clock const& clock, Log& log) : clock_(clock), log_(log) {}

  std::vector<std::string> order(std::string const& host, std::vector<std::string> addresses) override;
  bool avoid(http::Route const& route) override;
  void moved(http::Route const& route, Bytes bytes, Duration taken) override;
  [[nodiscard]] bool slow(http::Route const& route, Bytes bytes, Duration taken) const override;
  void failed(http::Route const& route) override;

  [[nodiscard]] std::vector<sched::RouteScores::View> views() const { return scores_.views(clock_.now()); }

 private:
  Clock const& clock_;
  Log& log_;
  sched::RouteScores scores_;
};

}  // namespace hubd::engine
