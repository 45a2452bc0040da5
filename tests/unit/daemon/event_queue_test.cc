// SPDX-License-Identifier: Apache-2.0
#include "daemon/event_queue.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "core/base/log.h"
#include "core/net/task_group.h"
#include "daemon/call.h"
#include "hubd/v1/downloads.pb.h"

namespace hubd::daemon {
namespace {

using Message = google::protobuf::Message;

MessagePtr planned(std::string path) {
  auto message = std::make_unique<v1::PlannedFile>();
  message->set_path(std::move(path));
  return message;
}
std::string path_of(Message const& message) { return static_cast<v1::PlannedFile const&>(message).path(); }

class EventQueueTest : public testing::Test {
 protected:
  EventQueueTest() : queue_(io_.get_executor()), tasks_(io_.get_executor(), [](std::exception_ptr) { FAIL(); }) {}

  asio::awaitable<void> take_all() {
    while (true) {
      auto const event = co_await queue_.next();
      if (!event) break;
      taken_.push_back(path_of(*event));
    }
    ended_ = true;
  }
  asio::awaitable<void> send_many(int count) {
    for (int i = 0; i < count; ++i) {
      auto const sent = co_await queue_.send(planned(std::to_string(i)));
      if (!sent) {
        failed_ = sent.error().kind;
        co_return;
      }
      ++sent_;
    }
    queue_.close();
  }

  asio::io_context io_;
  EventQueue queue_;
  net::TaskGroup tasks_;
  std::vector<std::string> taken_;
  bool ended_ = false;
  int sent_ = 0;
  std::optional<ErrorKind> failed_;
};

TEST_F(EventQueueTest, OfferedEventsCoalesceKeptOnesStay) {
  queue_.keep(planned("started"));
  for (int i = 0; i < 1000; ++i) queue_.offer(planned(std::to_string(i)));
  queue_.keep(planned("done"));
  queue_.close();
  queue_.offer(planned("late"));
  tasks_.spawn("reader", take_all());
  io_.run();
  EXPECT_EQ(taken_, (std::vector<std::string>{"started", "999", "done"}));
  EXPECT_TRUE(ended_);
}

TEST_F(EventQueueTest, SendersWaitForRoomAndLoseNothing) {
  tasks_.spawn("writer", send_many(1000));
  io_.poll();  // run() would wait for the writer, which waits for a reader
  EXPECT_LT(sent_, 1000);
  io_.restart();
  tasks_.spawn("reader", take_all());
  io_.run();
  EXPECT_EQ(taken_.size(), 1000U);
  EXPECT_EQ(taken_.back(), "999");
}

TEST_F(EventQueueTest, AnAbandonedSenderFails) {
  tasks_.spawn("writer", send_many(1000));
  io_.poll();
  ASSERT_FALSE(failed_);
  queue_.abandon();
  io_.restart();
  io_.run();
  EXPECT_EQ(failed_, ErrorKind::cancelled);
}

class RunStreamTest : public EventQueueTest {
 protected:
  /// Sends events until cancelled.
  Async<void> endless(EventQueue& queue) {
    for (int i = 0; true; ++i) {
      auto const sent = co_await queue.send(planned(std::to_string(i)));
      if (!sent) {
        failed_ = sent.error().kind;
        co_return sent.error();
      }
    }
  }
  Async<void> write(Message const& event) {
    taken_.push_back(path_of(event));
    if (taken_.size() == 3) co_return fail(ErrorKind::cancelled, "the reader left");
    co_return Result<void>();
  }
  asio::awaitable<void> call() {
    Method method;
    method.stream = [this](Principal, MessagePtr, EventQueue& queue) { return endless(queue); };
    auto writer = [this](Message const& event) { return write(event); };
    auto running = run_stream(method, Principal{1}, planned(""), writer, log_);
    auto const result = co_await std::move(running);
    ended_ = !result;
  }
  NullLog log_;
};

TEST_F(RunStreamTest, AReaderThatLeavesEndsTheMethod) {
  tasks_.spawn("call", call());
  io_.run();
  EXPECT_TRUE(ended_);
  EXPECT_EQ(failed_, ErrorKind::cancelled);
  EXPECT_EQ(taken_.size(), 3U);
}

}  // namespace
}  // namespace hubd::daemon
