// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/principal.h"
#include "core/sched/keys.h"
#include "core/sched/priority.h"

namespace hubd::sched {

/// Decides whose connection is next. A permit is the right to one request with a body (one range of a file): taken for
/// each range, so that shares are by bytes.
///
/// Rule: a waiting file may go when its host, its own file limit and the total have room. Among those the principal with
/// the fewest permits in use goes first, then the transfer with the fewest, each permit divided by the weight of its
/// transfer's priority, then the request that waits longest. Who holds nothing is always before who holds something, so
/// nobody starves while permits come back.
///
/// Pure: no clock, no I/O. One thread.
class Admission {
 public:
  struct Limits {
    std::size_t total = 64;
    std::size_t per_host = 16;
    std::size_t per_file = 8;
  };
  explicit Admission(Limits limits) : limits_(limits) {}
  void set_limits(Limits limits) { limits_ = limits; }

  struct Who {
    Principal principal;
    TransferKey transfer{};
    FileKey file{};
    std::string host;
    Priority priority = Priority::normal;
  };
  enum class Ticket : std::uint64_t {};
  /// Stands in line for one permit.
  Ticket ask(Who who);
  /// From now on this file matters so much: where it waits, and what it holds.
  void set_priority(FileKey file, Priority priority);
  /// Leaves the line, or gives back a granted permit.
  void leave(Ticket ticket);
  /// Grants the next permit, if any may be granted now. Call again until it gives nothing.
  std::optional<Ticket> grant();

  [[nodiscard]] std::size_t in_use() const { return in_use_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Use {
    std::map<std::string, std::size_t> hosts;
    std::map<FileKey, std::size_t> files;
    std::map<TransferKey, std::uint64_t> transfers;  // by weight
    std::map<Principal, std::uint64_t> principals;   // by weight
  };
  Limits limits_;
  std::uint64_t next_ = 1;
  std::map<Ticket, Who> waiting_;  // in the order they came
  std::map<Ticket, Who> granted_;
  Use use_;
  std::size_t in_use_ = 0;
};

}  // namespace hubd::sched
