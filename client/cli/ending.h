// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace hubd::cli {

/// A hubd that is about to be asked to stop, watched until it has ended. It closes its listeners first, then parks its
/// transfers, and lets go of the cache and of its socket files last; "stopped" means the last. Made before it is asked,
/// so that the number of an ended process cannot be taken for another's.
class Ending {
 public:
  /// `pid` as hubd's Hello tells it. Where it is no hubd here (another pid namespace, /proc hidden), the socket is
  /// looked at instead: gone is who does not listen.
  Ending(std::string socket, int pid);
  Ending(Ending const&) = delete;
  Ending& operator=(Ending const&) = delete;
  ~Ending();

  /// Waits, at most 15 s. False when it is still there.
  bool wait();

 private:
  std::string socket_;
  int process_ = -1;  ///< a pidfd, or -1
};

}  // namespace hubd::cli
