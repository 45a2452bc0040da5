// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

namespace hubd::daemon {

/// Threads for reading that nobody waits for. The kernel gives them the disk when nobody else wants it (I/O class idle, where
/// the scheduler of the disk knows classes) and the processor behind others (nice 10).
class IdleThreads {
 public:
  explicit IdleThreads(unsigned count);
  boost::asio::any_io_executor executor() { return pool_.get_executor(); }
  void join() { pool_.join(); }

 private:
  boost::asio::thread_pool pool_;
};

}  // namespace hubd::daemon
