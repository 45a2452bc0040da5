// SPDX-License-Identifier: Apache-2.0
#include "core/httpd/wire.h"

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>

namespace hubd::httpd {

namespace {
constexpr std::size_t read_size = 16 * 1024;
}

/// Closes the wire when a deadline passes. Moving the deadline away costs no timer operation: the timer looks again.
class Wire::Watchdog : public std::enable_shared_from_this<Wire::Watchdog> {
 public:
  Watchdog(asio::any_io_executor executor, Clock const& clock, Wire& wire)
      : timer_(std::move(executor)), clock_(clock), wire_(&wire) {}

  void set(Time deadline) {
    deadline_ = deadline;
    if (!waiting_ || deadline < timer_.expiry()) wait(deadline);
  }
  void orphan() {
    wire_ = nullptr;
    timer_.cancel();
  }
  [[nodiscard]] bool bitten() const { return bitten_; }
  [[nodiscard]] Time now() const { return clock_.now(); }

 private:
  void wait(Time until) {
    waiting_ = true;
    ++generation_;
    timer_.expires_at(until);
    timer_.async_wait([self = shared_from_this(), mine = generation_](boost::system::error_code) { self->look(mine); });
  }
  void look(std::uint64_t generation) {
    if (!wire_ || generation != generation_) return;
    waiting_ = false;
    if (deadline_ == Time::max()) return;
    if (clock_.now() < deadline_) {
      wait(deadline_);
      return;
    }
    bitten_ = true;
    wire_->close();
  }

  asio::steady_timer timer_;
  Clock const& clock_;
  Wire* wire_;  // null once the wire is gone
  Time deadline_ = Time::max();
  bool waiting_ = false;
  bool bitten_ = false;
  std::uint64_t generation_ = 0;
};

Wire::Wire(asio::any_io_executor executor, std::unique_ptr<Transport> transport, Clock const& clock)
    : transport_(std::move(transport)),
      watchdog_(std::make_shared<Watchdog>(std::move(executor), clock, *this)) {}

Wire::~Wire() { watchdog_->orphan(); }

void Wire::take(std::size_t count) {
  assert(count <= ahead().size());
  taken_ += count;
  if (taken_ == ahead_.size()) {
    ahead_.clear();
    taken_ = 0;
  }
}

boost::system::error_code Wire::verdict(boost::system::error_code error) const {
  if (error && watchdog_->bitten()) return asio::error::timed_out;
  return error;
}

asio::awaitable<boost::system::error_code> Wire::handshake() {
  auto const error = co_await transport_->handshake();
  co_return verdict(error);
}

asio::awaitable<boost::system::error_code> Wire::fill() {
  if (taken_ > 0) {
    ahead_.erase(0, taken_);
    taken_ = 0;
  }
  auto const before = ahead_.size();
  ahead_.resize(before + read_size);
  std::span<std::byte> const out(reinterpret_cast<std::byte*>(ahead_.data()) + before, read_size);
  auto const moved = co_await transport_->read_some(out);
  ahead_.resize(before + moved.count);
  co_return verdict(moved.error);
}

asio::awaitable<Transport::Moved> Wire::read_some(std::span<std::byte> out) {
  if (!ahead().empty()) {
    auto const count = ahead().copy(reinterpret_cast<char*>(out.data()), out.size());
    take(count);
    Transport::Moved const moved{{}, count};
    co_return moved;
  }
  auto moved = co_await transport_->read_some(out);
  moved.error = verdict(moved.error);
  co_return moved;
}

asio::awaitable<boost::system::error_code> Wire::write(Transport::Buffers buffers, Duration stall_max) {
  std::size_t left = 0;
  for (auto const& buffer : buffers) left += buffer.size();
  boost::system::error_code error;
  while (left > 0) {
    limit(stall_max);
    auto const moved = co_await transport_->write_some(buffers);
    if (moved.error) {
      error = moved.error;
      break;
    }
    left -= moved.count;
    auto skip = moved.count;
    for (auto& buffer : buffers) {
      auto const part = std::min(skip, buffer.size());
      buffer += part;
      skip -= part;
    }
  }
  unlimited();
  co_return verdict(error);
}

asio::awaitable<void> Wire::end_writing() {
  auto ending = transport_->end_writing();
  co_await std::move(ending);
}

void Wire::close() {
  closed_ = true;
  transport_->close();
}

void Wire::limit(Duration limit) { watchdog_->set(watchdog_->now() + limit); }

void Wire::unlimited() { watchdog_->set(Time::max()); }

}  // namespace hubd::httpd
