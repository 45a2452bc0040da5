// SPDX-License-Identifier: Apache-2.0
#include "daemon/idle_threads.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <latch>
#include <memory>

namespace hubd::daemon {
namespace {

// From linux/ioprio.h, which not every system has.
constexpr int io_of_thread = 1;
constexpr int io_class_idle = 3;
constexpr int io_class_shift = 13;
constexpr int niceness = 10;

/// Of the calling thread. Where the kernel refuses, it stays as it is.
void give_way() {
  auto const thread = static_cast<id_t>(syscall(SYS_gettid));
  (void)syscall(SYS_ioprio_set, io_of_thread, 0, io_class_idle << io_class_shift);
  (void)setpriority(PRIO_PROCESS, thread, niceness);
  (void)pthread_setname_np(pthread_self(), "hubd idle");
}

}  // namespace

IdleThreads::IdleThreads(unsigned count) : pool_(count) {
  // Each thread takes exactly one of these, since none ends before all have begun.
  auto const all = std::make_shared<std::latch>(count);  // shared with the threads
  for (unsigned i = 0; i < count; ++i)
    boost::asio::post(pool_, [all] {
      give_way();
      all->arrive_and_wait();
    });
}

}  // namespace hubd::daemon
