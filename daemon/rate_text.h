// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/sched/bandwidth_plan.h"

namespace hubd::daemon {

/// "off" (no limit), or a whole number with a unit: "50 MB/s", "1 GiB/s", "400 Mbit/s"; "/s" may be
/// left out. Fails: bad_request, also below 64 KiB/s, where connections would look dead.
Result<std::optional<Bytes>> parse_rate(std::string_view text);
/// "08:00-18:00 20 MB/s": local time; 24:00 is the day's end. Fails: bad_request.
Result<sched::BandwidthPlan::Window> parse_rate_window(std::string_view text);

}  // namespace hubd::daemon
