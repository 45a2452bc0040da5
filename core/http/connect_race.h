// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/http/stream.h"
#include "core/net/signal.h"

namespace hubd::http {

/// One connection to whichever of a server's addresses answers first (RFC 8305): the next address is tried when the one before
/// has failed, or has not answered for 250 ms, and goes on being tried. On one executor; used once.
class ConnectRace {
 public:
  struct Candidate {
    asio::ip::address address;
    std::string text;  ///< "192.0.2.1:443"
  };
  struct Failure {
    std::string text;
    boost::system::error_code error;
  };
  /// `limit` is for each address.
  ConnectRace(asio::any_io_executor executor, std::vector<Candidate> candidates, std::uint16_t port, Duration limit);
  ConnectRace(ConnectRace const&) = delete;
  ConnectRace& operator=(ConnectRace const&) = delete;

  /// The winner's stream, or the last error; operation_aborted when this coroutine was cancelled.
  asio::awaitable<Connected> run();
  /// After run(), when it gave a stream: where it goes.
  [[nodiscard]] std::string const& winner() const { return candidates_[winner_].text; }
  /// After run(): addresses that answered with a failure, or not at all.
  [[nodiscard]] std::vector<Failure> const& failures() const { return failures_; }

 private:
  static asio::awaitable<void> attempt(ConnectRace& race, std::size_t number);

  asio::any_io_executor executor_;
  std::vector<Candidate> candidates_;
  std::uint16_t port_;
  Duration limit_;
  std::vector<std::unique_ptr<asio::steady_timer>> starts_;  // each candidate's, until it has begun
  std::optional<Connected> won_;
  std::size_t winner_ = 0;
  std::size_t ended_ = 0;
  std::vector<Failure> failures_;
  net::Signal changed_;
};

}  // namespace hubd::http
