// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>

#include "core/base/clock.h"
#include "core/http/client.h"
#include "core/net/async.h"
#include "core/transfer/permits.h"
#include "core/transfer/range_meter.h"

namespace hubd::transfer {

/// Reads some body bytes as the permit's bandwidth allows, waiting for a turn first where it must; `turn` is set to the
/// time after such a wait, which is no silence of the host. `meter` is told when the read begins. 0: the body ended.
/// Fails: as Response::read_some.
Async<std::size_t> granted_read(Permit& permit, http::Response& response, std::span<std::byte> out, Clock const& clock, Time& turn,
                                RangeMeter& meter);

}  // namespace hubd::transfer
