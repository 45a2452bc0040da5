// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string_view>

#include "core/base/clock.h"

namespace hubd::transfer {

/// How long a signed address lives yet, as its query says: CloudFront's and Google's `Expires` (seconds since 1970), or
/// `X-Amz-Date` with `X-Amz-Expires`, or Google's same with `X-Goog-`. Nothing when it says nothing, or when it is over by this machine's
/// clock although it was just handed out: the clock is wrong then. Pure.
std::optional<Duration> life_of(std::string_view url, WallTime now);

/// When to ask for another address than one that lives `life` from `now`: a minute ahead, sooner when it lives shorter than four.
Time renewal(Time now, Duration life);

}  // namespace hubd::transfer
