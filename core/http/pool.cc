// SPDX-License-Identifier: Apache-2.0
#include "core/http/pool.h"

namespace hubd::http {

Slot::~Slot() {
  if (pool_) pool_->release(key_);
}

/// One request that waits for a place: in its own coroutine's frame, known to the pool until it leaves.
struct Pool::Waiter {
  Waiter(asio::any_io_executor const& executor, PoolKey const& k, unsigned long arrived)
      : key(k), arrival(arrived), timer(executor, asio::steady_timer::time_point::max()) {}
  PoolKey const& key;
  unsigned long arrival;
  asio::steady_timer timer;  // never expires: waking cancels it
  Queue::iterator place{};
  bool queued = false;
  bool granted = false;  // a place is held for it
};

Pool::Pool(asio::any_io_executor executor, PoolClient::Options options, Clock const& clock, Observer* observer)
    : executor_(executor), options_(std::move(options)), clock_(clock), observer_(observer), idle_timer_(executor) {}

Async<Slot> Pool::acquire(PoolKey key) {
  auto const self = shared_from_this();  // until the waiter left, also when this coroutine is unwound
  if (has_room(key)) {
    occupy(key);
    co_return Slot(self, std::move(key));
  }
  Waiter waiter(executor_, key, ++arrivals_);
  struct Leave {
    Pool& pool;
    Waiter& waiter;
    ~Leave() { pool.leave(waiter); }
  };
  Leave const leave{*self, waiter};
  auto& queue = waiting_[key];
  waiter.place = queue.insert(queue.end(), &waiter);
  waiter.queued = true;
  auto const [ignored] = co_await waiter.timer.async_wait(net::nothrow);
  (void)ignored;
  if (waiter.granted) {
    waiter.granted = false;
    co_return Slot(self, key);
  }
  if (options_.offline && !closing_) {
    auto error = fail(ErrorKind::offline, "hubd went offline (network.mode), so " + key.origin.authority() + " was not asked");
    error.host = key.origin.authority();
    co_return error;
  }
  co_return fail(ErrorKind::cancelled, "waiting for a connection to " + key.origin.authority() + " was cancelled");
}

void Pool::leave(Waiter& waiter) {
  if (waiter.queued) {
    auto const queue = waiting_.find(waiter.key);
    queue->second.erase(waiter.place);
    waiter.queued = false;
    if (queue->second.empty()) waiting_.erase(queue);
  }
  if (waiter.granted) release(waiter.key);  // a place was given to somebody who is gone
}

void Pool::release(PoolKey const& key) {
  auto const found = busy_.find(key);
  if (--found->second == 0) busy_.erase(found);
  --busy_total_;
  serve_waiters();
}

void Pool::serve_waiters() {
  while (busy_total_ < options_.connections_max) {
    Waiter* first = nullptr;
    for (auto const& [key, queue] : waiting_)
      if (has_room(key) && (first == nullptr || queue.front()->arrival < first->arrival)) first = queue.front();
    if (first == nullptr) return;
    auto const queue = waiting_.find(first->key);
    queue->second.pop_front();
    if (queue->second.empty()) waiting_.erase(queue);
    first->queued = false;
    first->granted = true;
    occupy(first->key);
    first->timer.cancel();
  }
}

bool Pool::has_room(PoolKey const& key) const {
  auto const found = busy_.find(key);
  auto const busy = found == busy_.end() ? 0 : found->second;
  return busy < options_.connections_per_host_max && busy_total_ < options_.connections_max;
}

void Pool::occupy(PoolKey const& key) {
  // Idle connections of others make room first; one of its own will be used.
  for (auto list = idle_.begin(); list != idle_.end() && busy_total_ + idle_total_ >= options_.connections_max;) {
    if (list->first == key) {
      ++list;
      continue;
    }
    list->second.pop_back();
    --idle_total_;
    if (list->second.empty()) list = idle_.erase(list);
  }
  ++busy_[key];
  ++busy_total_;
}

std::unique_ptr<Connection> Pool::take_idle(PoolKey const& key) {
  auto const found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  auto& list = found->second;
  std::unique_ptr<Connection> alive;
  while (!alive && !list.empty()) {
    auto connection = std::move(list.back());
    list.pop_back();
    --idle_total_;
    bool const avoided = options_.routes != nullptr && options_.routes->avoid(connection->route());
    if (!avoided && clock_.now() - connection->idle_since < options_.idle_max && connection->quiet()) alive = std::move(connection);
  }
  if (list.empty()) idle_.erase(found);
  return alive;
}

void Pool::give_back(PoolKey const& key, std::unique_ptr<Connection> connection) {
  if (!connection->reusable() || closing_ || options_.offline) return;
  connection->idle_since = clock_.now();
  idle_[key].push_back(std::move(connection));
  if (++idle_total_ == 1) watch_idle();
}

/// Kept connections that nobody takes are closed without a request that looks for them.
void Pool::watch_idle() {
  idle_timer_.expires_after(options_.idle_max);
  idle_timer_.async_wait([pool = weak_from_this()](boost::system::error_code error) {
    auto const self = pool.lock();
    if (error || !self) return;
    self->close_expired();
    if (self->idle_total_ > 0) self->watch_idle();
  });
}

void Pool::close_expired() {
  auto const oldest = clock_.now() - options_.idle_max;
  for (auto list = idle_.begin(); list != idle_.end();) {
    idle_total_ -= std::erase_if(list->second, [&](auto const& kept) { return kept->idle_since <= oldest; });
    list = list->second.empty() ? idle_.erase(list) : std::next(list);
  }
}

void Pool::wake_all() {
  auto const queues = std::exchange(waiting_, {});
  for (auto const& [key, queue] : queues)
    for (auto* const waiter : queue) {
      waiter->queued = false;
      waiter->timer.cancel();
    }
}

void Pool::set_offline(bool offline) {
  options_.offline = offline;
  if (!offline) return;
  close_idle();
  wake_all();
}

void Pool::set_limits(std::size_t per_host, std::size_t total) {
  options_.connections_per_host_max = per_host;
  options_.connections_max = total;
  serve_waiters();
}

void Pool::close_idle() {
  idle_.clear();
  idle_total_ = 0;
  idle_timer_.cancel();
}

void Pool::close() {
  closing_ = true;
  close_idle();
  wake_all();
}

}  // namespace hubd::http
