// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "core/net/async.h"

namespace hubd::transfer {

/// The right to one request with a body; given back when destroyed.
class Permit {
 public:
  virtual ~Permit() = default;
};

/// Where a file's movement gets its permits: the engine decides whose turn it is.
class Permits {
 public:
  virtual ~Permits() = default;
  /// Waits for this file's turn. Fails: cancelled.
  virtual Async<std::unique_ptr<Permit>> acquire() = 0;
};

}  // namespace hubd::transfer
