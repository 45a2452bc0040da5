// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>

#include "core/base/error.h"

namespace hubd::transfer {

/// What was tried and came to nothing, for the last words of a movement.
class Trail {
 public:
  void note(Error const& error) {
    if (!error.host.empty() && (places_.size() < places_max || places_.contains(error.host))) ++places_[error.host];
  }
  void clear() { places_.clear(); }
  /// "; tried cdn.example:443 (192.0.2.1:443) 3 times, hub.example:443 once", or nothing.
  [[nodiscard]] std::string sentence() const {
    std::string text;
    for (auto const& [place, times] : places_)
      text += (text.empty() ? "; tried " : ", ") + place + (times == 1 ? " once" : " " + std::to_string(times) + " times");
    return text;
  }

 private:
  static constexpr std::size_t places_max = 8;
  std::map<std::string, unsigned> places_;
};

}  // namespace hubd::transfer
