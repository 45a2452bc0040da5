// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/http/client.h"

namespace hubd::transfer {

/// One request for a part of a file, as whoever asks what is waited for sees it.
struct RangeView {
  std::string name;                ///< "bytes 0 to 16777215", or "chunks 0 to 24 of xorb 3fa1..."
  std::string way;                 ///< plain or xet
  http::Route route;               ///< empty until a connection answered
  Time since{};                    ///< when it was asked for
  std::optional<Time> last_byte;   ///< nothing: none came yet
  Bytes bytes = 0;                 ///< that came
};

/// The requests of one movement that are under way. On one executor.
class OpenRanges {
 public:
  /// One of them, from the question to the end of its answer.
  class One {
   public:
    One(OpenRanges& all, std::string name, char const* way, Time since) : all_(all) {
      all_.views_.push_back({std::move(name), way, {}, since, std::nullopt, 0});
      place_ = std::prev(all_.views_.end());
    }
    ~One() { all_.views_.erase(place_); }
    One(One const&) = delete;
    One& operator=(One const&) = delete;
    void answered(http::Route const& route) { place_->route = route; }
    void got(Time now, Bytes bytes) {
      place_->last_byte = now;
      place_->bytes += bytes;
    }

   private:
    OpenRanges& all_;
    std::list<RangeView>::iterator place_;
  };
  [[nodiscard]] std::vector<RangeView> views() const { return {views_.begin(), views_.end()}; }

 private:
  std::list<RangeView> views_;
};

}  // namespace hubd::transfer
