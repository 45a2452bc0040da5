// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/base/principal.h"
#include "core/sched/keys.h"
#include "core/sched/priority.h"

namespace hubd::sched {

/// Decides whose connection is next. A permit is the right to one request with a body (one range of a file): taken for
/// each range, so that shares are by bytes.
///
/// Rule: a waiting file may go when its host, its own file limit and the total have room. Among those the principal with
/// the fewest permits in use goes first, then the transfer with the fewest, each permit divided by the weight of its
/// transfer's priority. Of those that hold as much (of many transfers of one file each all hold nothing) it is whose turn is
/// first: whoever comes stands so far behind as its weight is small (`stride`: by priority, and a quarter when somebody waits for
/// it), and the turn moves on with each grant, the slower the more weight waits. So of 160 alike each goes after 160 grants, and
/// one of 16 times their weight after 10. Then the request that waits longest. Who holds nothing is always before who holds
/// something, and turns never go back, so nobody starves while permits come back.
///
/// A step costs the logarithm of what waits: those that may go stand in order, for each host and principal.
/// Pure: no clock, no I/O. One thread.
class Admission {
 public:
  struct Limits {
    std::size_t total = 64;
    std::size_t per_host = 16;
    std::size_t per_file = 8;
  };
  explicit Admission(Limits limits) : limits_(limits) {}
  void set_limits(Limits limits);
  [[nodiscard]] Limits const& limits() const { return limits_; }

  struct Who {
    Principal principal;
    TransferKey transfer{};
    FileKey file{};
    std::string host;
    Priority priority = Priority::normal;
    bool awaited = false;  ///< somebody waits for it
  };
  enum class Ticket : std::uint64_t {};
  /// Stands in line for one permit.
  Ticket ask(Who who);
  /// From now on this file matters so much: where it waits, and what it holds.
  void set_priority(FileKey file, Priority priority, bool awaited);
  /// Leaves the line, or gives back a granted permit.
  void leave(Ticket ticket);
  /// A stride of 1, in turns; and by how much the turn moves on where this much weight waits.
  static constexpr std::uint64_t turn_unit = 1U << 20U;
  static constexpr std::uint64_t step(std::uint64_t weight) { return stride_max * turn_unit / weight; }
  /// Grants the next permit, if any may be granted now. Call again until it gives nothing.
  std::optional<Ticket> grant();

  [[nodiscard]] std::size_t in_use() const { return in_use_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  /// Permits in use, by host; only hosts that have some.
  [[nodiscard]] std::map<std::string, std::size_t> hosts() const;
  struct Standing {
    std::size_t held = 0;
    std::size_t waiting = 0;
    std::optional<Ticket> first;  ///< of those that wait
  };
  [[nodiscard]] Standing standing(FileKey file) const;

 private:
  using TransferId = std::pair<Principal, TransferKey>;
  /// What a transfer holds, by weight; its turn; its first request whose file has room; which one it is.
  using Place = std::tuple<std::uint64_t, std::uint64_t, Ticket, TransferKey>;
  struct File {
    std::size_t held = 0;
    std::set<Ticket> waiting;
  };
  struct Transfer {
    std::uint64_t held = 0;     // by weight
    std::uint64_t behind = 0;   // the turn it stood at when it came, or had its last one
    std::uint64_t stride = 1;   // and how far behind that it stands
    std::size_t waiting = 0;    // requests, also of files without room
    [[nodiscard]] std::uint64_t turn() const { return behind + stride * turn_unit; }
    std::map<std::string, std::set<Ticket>> may_go;  // by host: requests whose file has room
  };
  struct Host {
    std::size_t held = 0;
    std::map<Principal, std::set<Place>> line;
  };

  void let_go(Ticket ticket, Who const& who);
  void hold_back(Ticket ticket, Who const& who);
  /// Takes the transfer's places out of the lines, or puts them in, as it stands now.
  void take_out(TransferId const& id, Transfer const& transfer);
  void put_in(TransferId const& id, Transfer const& transfer);
  /// A change of what its places in the lines go by.
  template <class Change>
  void change(TransferId const& id, Change const& make);
  void set_held(TransferId const& id, std::int64_t more);
  void have_turn(TransferId const& id);
  void set_stride(Who const& who);
  void forget_if_idle(Who const& who);

  Limits limits_;
  std::uint64_t next_ = 1;
  std::map<Ticket, Who> waiting_;  // in the order they came
  std::map<Ticket, Who> granted_;
  std::map<std::string, Host> hosts_;
  std::map<FileKey, File> files_;
  std::map<TransferId, Transfer> transfers_;
  std::map<Principal, std::uint64_t> principals_;  // permits held, by weight
  std::size_t in_use_ = 0;
  std::uint64_t turn_ = 0;    // where the turn is
  std::uint64_t weight_ = 0;  // of the transfers with a request that may go
};

}  // namespace hubd::sched
