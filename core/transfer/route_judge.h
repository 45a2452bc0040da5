// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/http/client.h"

namespace hubd::transfer {

/// What the whole host knows of the ways to servers: who is slow beside others. On the io executor.
class RouteJudge {
 public:
  virtual ~RouteJudge() = default;
  /// A connection brought `bytes` in `taken`, with all its waits for turns.
  virtual void moved(http::Route const& route, Bytes bytes, Duration taken) = 0;
  /// `bytes` in `taken`, without any wait of ours, is far less than its host usually gives.
  [[nodiscard]] virtual bool slow(http::Route const& route, Bytes bytes, Duration taken) const = 0;
  /// It was given up for another.
  virtual void failed(http::Route const& route) = 0;
};

}  // namespace hubd::transfer
