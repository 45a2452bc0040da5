// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>

#include "core/base/clock.h"
#include "core/http/client.h"
#include "core/net/async.h"
#include "core/transfer/headway.h"
#include "core/transfer/permits.h"
#include "core/transfer/range_meter.h"

namespace hubd::transfer {

/// Who wants to know of the reads of a range.
struct ReadWatch {
  Clock const& clock;
  Headway& headway;   ///< a wait for a turn is no silence of the host
  RangeMeter& meter;  ///< is told when the read begins
};
/// Reads some body bytes as the permit's bandwidth allows, waiting for a turn first where it must. `watch` may be null.
/// 0: the body ended. Fails: as Response::read_some.
Async<std::size_t> granted_read(Permit& permit, http::Response& response, std::span<std::byte> out, ReadWatch const* watch);

}  // namespace hubd::transfer
