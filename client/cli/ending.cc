// SPDX-License-Identifier: Apache-2.0
#include "client/cli/ending.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <utility>

#include "client/cli/starter.h"

namespace hubd::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kStopMax = std::chrono::seconds(15);
constexpr useconds_t kLookEvery = 10'000;

bool is_hubd(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  return std::getline(in, name) && name == "hubd";
}

/// A descriptor that becomes readable when the process ends; -1 where there is none (Linux before 5.3).
int watch(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

bool ended_by(int process, Clock::time_point deadline) {
  for (;;) {
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ready{process, POLLIN, 0};
    int const found = ::poll(&ready, 1, left > 0 ? static_cast<int>(left) : 0);
    if (found > 0) return true;
    if (found == 0 || errno != EINTR) return false;
  }
}

}  // namespace

Ending::Ending(std::string socket, int pid) : socket_(std::move(socket)) {
  if (!is_hubd(pid)) return;
  process_ = watch(pid);
  if (process_ >= 0 && !is_hubd(pid)) ::close(std::exchange(process_, -1));
}

Ending::~Ending() {
  if (process_ >= 0) ::close(process_);
}

bool Ending::wait() {
  auto const deadline = Clock::now() + kStopMax;
  if (process_ >= 0) return ended_by(process_, deadline);
  while (Clock::now() < deadline) {
    if (!listens(socket_)) return true;
    ::usleep(kLookEvery);
  }
  return !listens(socket_);
}

}  // namespace hubd::cli
