// SPDX-License-Identifier: Apache-2.0
#include "daemon/event_queue.h"

#include <boost/asio/this_coro.hpp>

namespace hubd::daemon {

EventQueue::EventQueue(asio::any_io_executor executor) : filled_(executor), drained_(executor) {
  filled_.expires_at(asio::steady_timer::time_point::max());
  drained_.expires_at(asio::steady_timer::time_point::max());
}

void EventQueue::add(MessagePtr event, bool replaceable) {
  if (abandoned_ || closed_) return;
  entries_.push_back(Entry{std::move(event), replaceable});
  filled_.cancel();
}

void EventQueue::offer(MessagePtr event) {
  if (!entries_.empty() && entries_.back().replaceable)
    entries_.back().event = std::move(event);
  else
    add(std::move(event), true);
}

void EventQueue::keep(MessagePtr event) { add(std::move(event), false); }

Async<void> EventQueue::send(MessagePtr event) {
  while (entries_.size() >= events_max && !abandoned_) {
    auto [woken] = co_await drained_.async_wait(net::nothrow);
    (void)woken;
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      co_return fail(ErrorKind::cancelled, "the call was cancelled while its reader was slow");
  }
  if (abandoned_) co_return fail(ErrorKind::cancelled, "the reader of the stream went away");
  add(std::move(event), false);
  co_return Result<void>();
}

void EventQueue::close() {
  closed_ = true;
  filled_.cancel();
}

asio::awaitable<MessagePtr> EventQueue::next() {
  while (entries_.empty() && !closed_ && !abandoned_) {
    auto [woken] = co_await filled_.async_wait(net::nothrow);
    (void)woken;
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return MessagePtr();
  }
  if (entries_.empty()) co_return MessagePtr();
  auto event = std::move(entries_.front().event);
  entries_.pop_front();
  drained_.cancel();
  co_return event;
}

void EventQueue::abandon() {
  abandoned_ = true;
  entries_.clear();
  filled_.cancel();
  drained_.cancel();
}

}  // namespace hubd::daemon
