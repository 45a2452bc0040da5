// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/log.h"
#include "core/fs/file_system.h"
#include "core/net/async.h"
#include "core/net/timers.h"
#include "core/transfer/open_ranges.h"
#include "core/transfer/permits.h"
#include "core/transfer/route_judge.h"

namespace hubd::transfer {

/// One file's way from somewhere into a private file whose bytes are verified.
class Movement {
 public:
  /// What every movement stands on; all of it outlives the movement.
  struct Parts {
    asio::any_io_executor executor;
    asio::any_io_executor disk;
    asio::any_io_executor hashing;
    fs::FileSystem& files;
    net::Timers& timers;
    Log& log;
    Permits& permits;
    RouteJudge* routes = nullptr;  ///< null: no connection is slow beside others
  };
  virtual ~Movement() = default;
  /// Runs once, to the end: the bytes are whole and right, or why not. What came is kept for the next try.
  virtual Async<void> run() = 0;

  /// After run(): where the verified bytes stand, and their open file.
  [[nodiscard]] virtual std::string const& path() const = 0;
  [[nodiscard]] virtual fs::File& file() = 0;
  /// After the file was renamed away or is no longer wanted. Blocking.
  virtual Result<void> discard() = 0;

  [[nodiscard]] virtual Bytes done() const = 0;     ///< of the file, that stand in the private file
  [[nodiscard]] virtual Bytes fetched() const = 0;  ///< over the network by this movement
  [[nodiscard]] virtual std::uint64_t requests() const = 0;
  [[nodiscard]] virtual Duration silence() const = 0;  ///< since it got on; known waits aside
  [[nodiscard]] virtual std::uint64_t mismatches() const = 0;  ///< how often all was there and hashed wrong
  /// In words, while something has to be waited for; else empty.
  [[nodiscard]] virtual std::string const& waiting_for() const = 0;
  /// The requests that are under way.
  [[nodiscard]] virtual std::vector<RangeView> ranges() const { return open_.views(); }

 protected:
  OpenRanges open_;
};

}  // namespace hubd::transfer
