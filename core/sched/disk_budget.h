// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace hubd::sched {

/// Keeps transfers from filling the disk: each reserves all of its missing bytes before its first one moves. What two
/// transfers want counts once. Pure: the free space is told, never measured. One thread.
class DiskBudget {
 public:
  enum class Reservation : std::uint64_t {};
  /// Content (or place) -> bytes that are still to be put on the disk for it.
  using Needs = std::map<std::string, Bytes>;
  struct Decision {
    bool fits = false;
    Bytes wanted = 0;     ///< of the needs, what nobody has reserved yet
    Bytes shortfall = 0;  ///< how much more would have to be free
  };

  /// Would these fit? `free` is what the file system says now; `floor` and what is reserved stay untouched.
  [[nodiscard]] Decision ask(Needs const& needs, Bytes free, Bytes floor) const {
    Decision decision;
    for (auto const& [key, bytes] : needs)
      if (!contents_.contains(key)) decision.wanted += bytes;
    Bytes const taken = reserved() + floor;
    Bytes const available = free > taken ? free - taken : 0;
    decision.fits = decision.wanted == 0 || decision.wanted <= available;
    decision.shortfall = decision.fits ? 0 : decision.wanted - available;
    return decision;
  }
  Reservation reserve(Needs const& needs) {
    Reservation const reservation{next_++};
    auto& keys = open_[reservation];
    for (auto const& [key, bytes] : needs) {
      auto const [content, fresh] = contents_.try_emplace(key, Content{bytes, 0});
      ++content->second.users;
      keys.push_back(key);
    }
    return reservation;
  }
  /// This content now stands on the disk (or is allocated there), where the file system itself counts it.
  void settled(std::string const& key) {
    auto const found = contents_.find(key);
    if (found != contents_.end()) found->second.bytes = 0;
  }
  void release(Reservation reservation) {
    auto const found = open_.find(reservation);
    if (found == open_.end()) return;
    for (auto const& key : found->second) {
      auto const content = contents_.find(key);
      if (--content->second.users == 0) contents_.erase(content);
    }
    open_.erase(found);
  }
  [[nodiscard]] Bytes reserved() const {
    Bytes sum = 0;
    for (auto const& [key, content] : contents_) sum += content.bytes;
    return sum;
  }

 private:
  struct Content {
    Bytes bytes = 0;
    std::size_t users = 0;
  };
  std::uint64_t next_ = 1;
  std::map<Reservation, std::vector<std::string>> open_;
  std::map<std::string, Content> contents_;
};

}  // namespace hubd::sched
