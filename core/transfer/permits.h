// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "core/base/bytes.h"
#include "core/net/async.h"

namespace hubd::transfer {

/// The right to one request with a body; given back when destroyed. Its bytes are granted as the host's bandwidth allows.
class Permit {
 public:
  virtual ~Permit() = default;
  /// How many bytes may be read now, at most `wanted`; 0: call more() first.
  [[nodiscard]] virtual Bytes allowed(Bytes wanted) const = 0;
  /// So many were read, of those allowed.
  virtual void spend(Bytes bytes) = 0;
  /// Waits until some are allowed. The wait is bounded by what others want, not by the network. Fails: cancelled.
  virtual Async<void> more() = 0;
};

/// Where a file's movement gets its permits: the engine decides whose turn it is.
class Permits {
 public:
  virtual ~Permits() = default;
  /// Waits for this file's turn. Fails: cancelled.
  virtual Async<std::unique_ptr<Permit>> acquire() = 0;
};

}  // namespace hubd::transfer
