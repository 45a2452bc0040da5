// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <string>

#include "core/base/log.h"
#include "core/httpd/server.h"

namespace hubd::httpd {

/// An accept loop of our own on a listening stream socket, so that who connects is known before anybody speaks to them.
/// Descriptors come out non-blocking and close-on-exec. All on one executor. The log outlives it.
class Acceptor {
 public:
  /// Owns `listener` and closes it.
  Acceptor(asio::any_io_executor executor, int listener, Log& log);
  Acceptor(Acceptor const&) = delete;
  Acceptor& operator=(Acceptor const&) = delete;

  /// Hands each connection to `take`, which owns the descriptor from then on. Returns after close() or cancellation.
  asio::awaitable<void> run(std::function<void(int family, int descriptor, Peer peer)> take);
  /// Stops listening at once: later connects are refused. Idempotent.
  void close();

 private:
  asio::posix::stream_descriptor listener_;
  Log& log_;
};

}  // namespace hubd::httpd
