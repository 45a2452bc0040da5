// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/httpd/transport.h"
#include "core/net/async.h"

namespace hubd::httpd {

/// One connection's transport, the bytes read ahead of need, and a watchdog that closes it when the peer stands still.
/// One reader and one writer at a time, on one strand.
class Wire {
 public:
  Wire(asio::any_io_executor executor, std::unique_ptr<Transport> transport, Clock const& clock);
  ~Wire();
  Wire(Wire const&) = delete;
  Wire& operator=(Wire const&) = delete;

  /// Bytes that arrived and were not taken yet.
  [[nodiscard]] std::string_view ahead() const { return std::string_view(ahead_).substr(taken_); }
  void take(std::size_t count);

  asio::awaitable<boost::system::error_code> handshake();
  /// Reads more into ahead(). Fails with eof, or timed_out when the watchdog bit.
  asio::awaitable<boost::system::error_code> fill();
  /// What is ahead, else straight from the transport into `out`.
  asio::awaitable<Transport::Moved> read_some(std::span<std::byte> out);
  /// Writes all of up to three spans without copying them; each piece the peer takes renews `stall_max`.
  asio::awaitable<boost::system::error_code> write(Transport::Buffers buffers, Duration stall_max);
  asio::awaitable<void> end_writing();
  /// Ends everything at once; operations under way fail.
  void close();
  [[nodiscard]] bool closed() const { return closed_; }

  /// From now on the connection is closed `limit` after this call; calls replace each other.
  void limit(Duration limit);
  void unlimited();

 private:
  class Watchdog;
  [[nodiscard]] boost::system::error_code verdict(boost::system::error_code error) const;

  std::unique_ptr<Transport> transport_;
  std::shared_ptr<Watchdog> watchdog_;  // shared with its timer's handler, which may fire late
  std::string ahead_;
  std::size_t taken_ = 0;
  bool closed_ = false;
};

}  // namespace hubd::httpd
