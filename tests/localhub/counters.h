// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/value.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/localhub/call.h"
#include "tests/localhub/localhub.h"

namespace hubd::localhub {

/// Counts what was asked. Thread-safe.
class Ledger {
 public:
  static constexpr std::size_t kLinesMax = 4096;

  /// A request began; answers its number. All is noted before the client can see it, so that a test which has its
  /// answer finds it counted.
  std::uint64_t begin(RequestLine line);
  void received(std::uint64_t seq, Bytes bytes);
  void answered(std::uint64_t seq, int status);
  void sent(std::uint64_t seq, Bytes bytes);
  /// A xorb body is about to be sent to a client.
  void asked(std::string const& client, XorbBody const& body);
  /// Bytes [from, from + size) of it are.
  void served(std::string const& client, XorbBody const& body, Bytes from, Bytes size);
  void end();
  void reset();
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] std::vector<RequestLine> lines() const;
  [[nodiscard]] boost::json::value counters_json(std::size_t connections) const;
  /// Of one client; of all together when empty.
  [[nodiscard]] XorbCounts xorbs(std::string const& client) const;
  [[nodiscard]] boost::json::value xorbs_json() const;
  [[nodiscard]] boost::json::value lines_json(std::size_t count) const;

 private:
  RequestLine* line(std::uint64_t seq);  // null when it left the log

  mutable std::mutex mutex_;  // guards all below
  Counters counters_;
  std::map<std::string, std::map<int, std::uint64_t>> statuses_;
  std::map<std::string, std::map<std::string, Count>> client_routes_;
  std::map<std::string, XorbCounts> xorbs_;  // by client; "" for all
  std::deque<RequestLine> lines_;
  std::uint64_t seq_ = 0;
};

}  // namespace hubd::localhub
