// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "core/base/bytes.h"
#include "core/base/clock.h"
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

/// Where a file's movement gets its permits: the engine decides whose turn it is. Movements tell there how they get on, so that
/// those in line behind a silent host are silent with it.
class Permits {
 public:
  virtual ~Permits() = default;
  /// Waits for this file's turn. Fails: cancelled.
  virtual Async<std::unique_ptr<Permit>> acquire() = 0;
  /// Of a wait for a turn since `asked`, how long it was no silence of the host: others were given something meanwhile.
  [[nodiscard]] virtual Duration served(Time asked) const = 0;
  /// The file got on.
  virtual void heard() = 0;
  /// A try failed, and the file has had nothing for `idle`.
  virtual void in_vain(Duration idle) = 0;
};

}  // namespace hubd::transfer
