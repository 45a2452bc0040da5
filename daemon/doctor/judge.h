// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/sched/rate_windows.h"
#include "daemon/doctor/finding.h"

namespace hubd::daemon {

/// What a check's observation means, and what helps. Pure.

/// "Sun, 06 Nov 1994 08:49:37 GMT"; nothing for any other form.
std::optional<WallTime> parse_http_date(std::string_view text);
/// `date` is the Date header of an answer that came at `now`; a signed URL and a certificate are judged by the clock.
Finding judge_clock(std::string const& host, std::optional<std::string_view> date, WallTime now);
Finding judge_space(std::string const& folder, Bytes free, Bytes floor);
/// One finding for all windows that are known.
Finding judge_windows(std::vector<sched::RateWindows::Window> const& windows);
/// Limits of the host that made hubd take less than its settings, as sentences whose last part says what to do.
Findings judge_limits(std::vector<std::string> const& warnings);
/// What helps against a failure of asking a host.
std::string remedy_for(Error const& error);

}  // namespace hubd::daemon
