// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace hubd::sim {

/// Looks at a world after every step and keeps the first broken promise.
///
///   once         a client is answered once, in time where it set a deadline, and its progress never goes back
///   verified     a blob that gets its name has the right bytes; a file that an answer names is there and right
///   ceilings     connections, bandwidth and rate-limit windows, also while they are changed
///   no hang      while a client waits, something comes: a byte, a good answer; else it is told within idle_max
///   leases       a transfer has one lease per client that waits for it, and without leases it stops
class Watch {
 public:
  struct Asked {
    std::shared_ptr<World::Client> client;
    engine::EnsureRequest request;
    Time at{};
    bool left = false;
    bool seen = false;  // its answer was looked at
  };
  static constexpr Duration idle_max = std::chrono::seconds(100);  // progress_timeout, and what a lookup may take before
  static constexpr Duration late_max = std::chrono::seconds(3);

  explicit Watch(World& world);
  ~Watch();
  Watch(Watch const&) = delete;
  Watch& operator=(Watch const&) = delete;

  std::shared_ptr<World::Client> ensure(engine::EnsureRequest request);
  void leave(std::size_t number);
  /// All of this life, in the order they came.
  [[nodiscard]] std::vector<Asked> const& asked() const { return asked_; }
  [[nodiscard]] bool anybody_waits() const;
  /// Applies to the engine too, if one runs.
  void tune(engine::Tuning const& tuning);
  /// The process ended: nobody waits any more.
  void life_ended();
  /// Somebody else changed the cache, or time was lost: what was promised before may be late or gone.
  void excuse();
  /// What hubd says of its transfers; call when at least a second has passed since the last client came or left.
  void look_at_leases();

  [[nodiscard]] std::string const& problem() const { return problem_; }
  void fail(std::string what);

 private:
  void look();
  void look_at(Asked& asked);
  void look_at_names();
  void follow_ceilings();
  void set_ceilings();

  World& world_;
  std::string problem_;
  std::vector<Asked> asked_;
  Time last_sign_{};   // that anything goes on
  Time excused_{};
  std::uint64_t sign_ = 0;
  engine::Tuning tuning_;
  std::size_t connections_ = 0;  // that may be open now
  Bytes quantum_max_ = 0;        // of the rates before and after the last change
  std::map<std::string, Time> unwanted_;  // transfers without leases
};

}  // namespace hubd::sim
