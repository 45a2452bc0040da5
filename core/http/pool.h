// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/http/connection.h"
#include "core/http/pool_client.h"
#include "core/http/url.h"

namespace hubd::http {

class Pool;

/// Where a connection goes: the origin, through which proxy (its URL; empty: direct).
struct PoolKey {
  Origin origin;
  std::string proxy;
  friend auto operator<=>(PoolKey const&, PoolKey const&) = default;
};

/// A place in the pool's budget; given back when destroyed.
class Slot {
 public:
  Slot(std::shared_ptr<Pool> pool, PoolKey key) : pool_(std::move(pool)), key_(std::move(key)) {}
  Slot(Slot&&) noexcept = default;
  Slot& operator=(Slot&&) = delete;
  ~Slot();
  [[nodiscard]] PoolKey const& key() const { return key_; }
  [[nodiscard]] std::shared_ptr<Pool> const& pool() const { return pool_; }

 private:
  std::shared_ptr<Pool> pool_;  // shared with every response, so that a late one finds its way home
  PoolKey key_;
};

/// Idle connections, the count of busy ones, and who waits for a place. Everything on one executor.
///
/// Places are handed over in order of arrival: a newcomer never overtakes a waiter that could use the place, and one
/// release wakes one waiter.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(asio::any_io_executor executor, PoolClient::Options options, Clock const& clock, Observer* observer);

  /// Waits until the budget has a place for `key`. Fails: offline, cancelled.
  Async<Slot> acquire(PoolKey key);
  void release(PoolKey const& key);

  /// An idle connection that still looks alive; null: make one.
  std::unique_ptr<Connection> take_idle(PoolKey const& key);
  /// Keeps a connection whose answer was read to its end; closes any other.
  void give_back(PoolKey const& key, std::unique_ptr<Connection> connection);

  /// Going offline closes idle connections and fails everybody who waits.
  void set_offline(bool offline);
  void set_limits(std::size_t per_host, std::size_t total);
  void close_idle();
  /// No connection is kept from now on, and whoever waits is cancelled.
  void close();
  [[nodiscard]] std::size_t connections() const { return busy_total_ + idle_total_; }
  [[nodiscard]] PoolClient::Options const& options() const { return options_; }
  [[nodiscard]] Clock const& clock() const { return clock_; }
  [[nodiscard]] Observer* observer() const { return observer_; }

 private:
  struct Waiter;
  using Queue = std::list<Waiter*>;

  [[nodiscard]] bool has_room(PoolKey const& key) const;
  void occupy(PoolKey const& key);
  void leave(Waiter& waiter);
  void serve_waiters();
  void wake_all();
  void close_expired();
  void watch_idle();

  asio::any_io_executor executor_;
  PoolClient::Options options_;
  Clock const& clock_;
  Observer* observer_;
  asio::steady_timer idle_timer_;
  std::map<PoolKey, std::vector<std::unique_ptr<Connection>>> idle_;  // no empty lists
  std::map<PoolKey, std::size_t> busy_;                               // no zeros
  std::map<PoolKey, Queue> waiting_;                                  // no empty queues; waiters live in their coroutines
  std::size_t busy_total_ = 0;
  std::size_t idle_total_ = 0;
  unsigned long arrivals_ = 0;
  bool closing_ = false;
};

}  // namespace hubd::http
