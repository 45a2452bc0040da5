// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"

namespace hubd::sched {

/// What this host has seen of the ways to servers: how fast a connection usually is, and which addresses rest since nothing
/// came of them. Shared by all transfers, so that one learns for the others. Told the time, asks no clock.
///
/// An address rests 10 s after its first failure, twice as long after each further one, at most 5 min; bytes that arrive over it
/// end that. Resting means last in line, never forbidden: with one address, or with none better, it is used all the same.
/// A connection is slow when its host usually gives more than eight times as much.
class RouteScores {
 public:
  struct Key {
    std::string host;     ///< "cdn.example:443"
    std::string address;  ///< "192.0.2.1:443"
    friend auto operator<=>(Key const&, Key const&) = default;
  };
  struct View {
    Key key;
    double rate = 0;        ///< bytes per second of one connection, the latest; 0: unknown
    unsigned failures = 0;  ///< in a row
    Duration resting{};     ///< for so long yet
  };

  /// `host` has these addresses.
  void know(std::string const& host, std::vector<std::string> const& addresses, Time now);
  /// A connection brought `bytes` in `taken`, with all its waits for turns.
  void moved(Key const& key, Time now, Bytes bytes, Duration taken);
  /// Refused, silent, broken or slow.
  void failed(Key const& key, Time now);

  [[nodiscard]] bool resting(Key const& key, Time now) const;
  /// The same addresses, in the same order, but those that rest behind the others, the soonest rested first.
  [[nodiscard]] std::vector<std::string> order(std::string const& host, std::vector<std::string> addresses, Time now) const;
  /// It rests, and another address of its host does not.
  [[nodiscard]] bool has_better(Key const& key, Time now) const;

  /// Bytes per second that a connection to `host` got lately, the middle of all; nothing while too few are known.
  [[nodiscard]] std::optional<double> usual(std::string const& host, Time now) const;
  /// `bytes` in `taken`, without any wait of ours, is far less than usual.
  [[nodiscard]] bool slow(std::string const& host, Time now, Bytes bytes, Duration taken) const;

  [[nodiscard]] std::vector<View> views(Time now) const;

 private:
  struct Sample {
    Time time;
    double rate = 0;
  };
  struct Address {
    double rate = 0;
    unsigned failures = 0;
    Time rested{};
    Time seen{};
  };
  struct Host {
    std::map<std::string, Address> addresses;
    std::deque<Sample> samples;  ///< the oldest first
  };
  Address& at(Key const& key, Time now);
  [[nodiscard]] Address const* find(Key const& key) const;
  void tidy(Time now);

  std::map<std::string, Host> hosts_;
};

}  // namespace hubd::sched
