// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "tests/localhub/call.h"

namespace hubd::localhub {

/// What all faults that fire on one request do to it together.
struct Effects {
  std::uint64_t epoch = 0;  ///< of the fault list; a wait ends when the list was cleared since
  std::uint64_t delay_ms = 0;
  bool silent = false;
  bool cut_before_head = false;
  std::optional<Answer> instead;  ///< replaces the answer
  bool expired = false;
  bool ignore_range = false;
  Fields set;
  std::vector<std::string> drop;
  std::optional<std::string> inject_path;
  std::optional<Bytes> cut_after;
  std::optional<Bytes> stall_after;
  std::optional<double> stall_seconds;
  Bytes bytes_per_second = 0;
  Bytes throttle_after = 0;  ///< body bytes that go at full speed first
  std::int64_t length_delta = 0;
  std::vector<std::pair<Bytes, std::uint8_t>> corrupt;  ///< file offset, xor
  std::vector<boost::json::object> hostile_plans;
  std::vector<boost::json::object> hostile_chunks;

  [[nodiscard]] bool touches_body() const {
    return cut_after || stall_after || bytes_per_second != 0 || length_delta != 0 || !corrupt.empty();
  }
};

/// The faults on command of README.md. Thread-safe.
class Faults {
 public:
  /// Appends; answers their ids. Fails: bad_request.
  Result<std::vector<std::uint64_t>> add(boost::json::value const& list);
  void clear();
  [[nodiscard]] boost::json::value list() const;
  /// Which faults fire on this request; counts them.
  Effects fire(Call const& call, std::string_view client);
  /// Changes with every clear().
  [[nodiscard]] std::uint64_t epoch() const;

 private:
  struct Fault {
    std::uint64_t id = 0;
    boost::json::object match;
    boost::json::object action;
    std::uint64_t seen = 0;
    std::uint64_t fired = 0;
    std::shared_ptr<Random> random;
  };
  static bool matches(Fault const& fault, Call const& call, std::string_view path, std::string_view client);
  mutable std::mutex mutex_;  // guards all below
  std::vector<Fault> faults_;
  std::uint64_t serial_ = 0;
  std::uint64_t epoch_ = 0;
};

}  // namespace hubd::localhub
