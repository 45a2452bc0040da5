// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "core/base/clock.h"
#include "core/base/secret.h"

namespace hubd::cas {

/// Where a CAS lives and the right to ask it: for one repo, revision and scope (xet-protocol 7.1).
struct Access {
  std::string url;  ///< without a '/' at its end
  Secret token;
  WallTime expires;
};

}  // namespace hubd::cas
