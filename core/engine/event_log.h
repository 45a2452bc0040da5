// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"

namespace hubd::engine {

/// One thing that happened to a transfer.
struct TransferEvent {
  enum class Kind : std::uint8_t { queued, admitted, route, waiting, moving, published, paused, resumed, parked, raised, ended };
  Kind kind = Kind::queued;
  WallTime time{};          ///< of the last one, where `count` says several
  std::string what;         ///< in words: which file, which route, why
  std::uint64_t count = 1;  ///< like ones in a row
};

constexpr std::string_view name_of(TransferEvent::Kind kind) {
  using Kind = TransferEvent::Kind;
  switch (kind) {
    case Kind::queued: return "queued";
    case Kind::admitted: return "admitted";
    case Kind::route: return "route";
    case Kind::waiting: return "waiting";
    case Kind::moving: return "moving";
    case Kind::published: return "published";
    case Kind::paused: return "paused";
    case Kind::resumed: return "resumed";
    case Kind::parked: return "parked";
    case Kind::raised: return "raised";
    case Kind::ended: return "ended";
  }
  return "queued";
}

/// The last things that happened to a transfer, oldest first, in bounded memory. Files that are published one after the
/// other are one event, so that they do not push out why it waited before. One thread.
class EventLog {
 public:
  static constexpr std::size_t events_max = 10;
  static constexpr std::size_t what_max = 300;  ///< bytes of a text

  void add(TransferEvent::Kind kind, WallTime time, std::string what) {
    if (what.size() > what_max) {
      auto end = what_max;
      while (end > 0 && (static_cast<unsigned char>(what[end]) & 0xC0U) == 0x80U) --end;  // no half of a character
      what.resize(end);
      what += "...";
    }
    bool const more = !events_.empty() && events_.back().kind == kind && kind == TransferEvent::Kind::published;
    if (more) {
      auto& last = events_.back();
      last.time = time;
      last.what = std::move(what);
      ++last.count;
      return;
    }
    if (events_.size() == events_max) events_.erase(events_.begin());
    events_.push_back({kind, time, std::move(what)});
  }
  [[nodiscard]] std::vector<TransferEvent> const& events() const { return events_; }

 private:
  std::vector<TransferEvent> events_;
};

}  // namespace hubd::engine
