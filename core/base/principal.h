// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <compare>

namespace hubd {

/// Who asks: the peer's uid as the kernel gave it (SO_PEERCRED), never a field of a message.
/// Stands in every transfer, lease, audit record and permission check, even while only one uid is served.
struct Principal {
  uid_t uid = static_cast<uid_t>(-1);
  friend auto operator<=>(Principal const&, Principal const&) = default;
};

}  // namespace hubd
