// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <utility>

#include "core/base/clock.h"
#include "core/base/error.h"

namespace hubd::engine {

/// How long the Hub's "no" is believed: long enough for the ranks of one job, which ask for the same missing thing within moments;
/// too short for somebody who has just made it.
constexpr Duration refusal_kept = std::chrono::seconds(3);

/// The Hub's own verdict on a question, which asking again at once would only repeat.
inline bool is_refusal(ErrorKind kind) {
  return kind == ErrorKind::repository_not_found || kind == ErrorKind::gated_repo || kind == ErrorKind::revision_not_found ||
         kind == ErrorKind::entry_not_found || kind == ErrorKind::disabled_repo || kind == ErrorKind::unauthorized;
}

/// What the Hub has just refused, by question. All on one executor.
template <class Key>
class Refusals {
 public:
  [[nodiscard]] std::optional<Error> recall(Key const& key, Time now) {
    std::erase_if(known_, [now](auto const& one) { return now - one.second.since >= refusal_kept; });
    auto const found = known_.find(key);
    if (found == known_.end()) return std::nullopt;
    return found->second.error;
  }
  void keep(Key key, Error error, Time now) {
    if (is_refusal(error.kind) && known_.size() < known_max) known_.insert_or_assign(std::move(key), Known{std::move(error), now});
  }

 private:
  static constexpr std::size_t known_max = 1024;
  struct Known {
    Error error;
    Time since{};
  };
  std::map<Key, Known> known_;
};

}  // namespace hubd::engine
