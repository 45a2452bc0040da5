// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <thread>

#include "tests/support/in_loop.h"

namespace hubd::net {
namespace {

TEST(Offload, TheJobRunsOnThePoolAndTheCallerResumesAtHome) {
  asio::thread_pool pool(1);
  support::Loop loop;
  struct Seen {
    std::thread::id job;
    std::thread::id after;
    std::string value;
  };
  auto const task = [](asio::any_io_executor executor) -> Async<Seen> {
    Seen seen;
    auto job = [&seen] {
      seen.job = std::this_thread::get_id();
      return std::string(100, 'v');
    };
    seen.value = co_await offload(executor, job);
    seen.after = std::this_thread::get_id();
    co_return seen;
  };
  auto const seen = loop.run(task(pool.get_executor()));
  ASSERT_TRUE(seen);
  EXPECT_NE(seen->job, std::this_thread::get_id());
  EXPECT_EQ(seen->after, std::this_thread::get_id());
  EXPECT_EQ(seen->value, std::string(100, 'v'));
  pool.join();
}

}  // namespace
}  // namespace hubd::net
