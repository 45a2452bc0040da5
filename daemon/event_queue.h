// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <google/protobuf/message.h>

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>

#include "core/net/async.h"

namespace hubd::daemon {

using MessagePtr = std::unique_ptr<google::protobuf::Message>;

/// Events of one streaming call between the service that makes them and the transport that sends them.
/// Bounded: an offered event replaces an offered one that was not sent yet, a sent one waits for room.
/// All on one executor. One producer, one consumer.
class EventQueue {
 public:
  explicit EventQueue(asio::any_io_executor executor);
  EventQueue(EventQueue const&) = delete;
  EventQueue& operator=(EventQueue const&) = delete;

  /// Never waits. A slow reader sees the newest offered event only.
  void offer(MessagePtr event);
  /// Waits while `events_max` wait to be sent. Fails: cancelled when the reader left.
  Async<void> send(MessagePtr event);
  /// Never waits and is never dropped; for the few events of a call that matter.
  void keep(MessagePtr event);
  /// No event comes any more.
  void close();

  /// The next event; null once closed and empty, or when this coroutine was cancelled.
  asio::awaitable<MessagePtr> next();
  /// The reader left: events are dropped from now on.
  void abandon();

 private:
  static constexpr std::size_t events_max = 64;
  struct Entry {
    MessagePtr event;
    bool replaceable;
  };
  void add(MessagePtr event, bool replaceable);

  std::deque<Entry> entries_;
  bool closed_ = false;
  bool abandoned_ = false;
  asio::steady_timer filled_;   // never expires: next() waits on it
  asio::steady_timer drained_;  // never expires: send() waits on it
};

/// The queue as a service sees it: events of one type.
template <class Event>
class Sink {
 public:
  explicit Sink(EventQueue& queue) : queue_(queue) {}
  void offer(Event event) { queue_.offer(std::make_unique<Event>(std::move(event))); }
  void keep(Event event) { queue_.keep(std::make_unique<Event>(std::move(event))); }
  Async<void> send(Event event) { return queue_.send(std::make_unique<Event>(std::move(event))); }

 private:
  EventQueue& queue_;
};

}  // namespace hubd::daemon
