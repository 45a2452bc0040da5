// SPDX-License-Identifier: Apache-2.0
#include "client/cli/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "client/cli/exit_code.h"

namespace hubd::cli {
namespace {

// What a signal handler can reach: an eventfd that counts, 1 per SIGINT, kEnd when the watcher is to leave.
constexpr std::uint64_t kEnd = 1U << 20U;
std::atomic<int> bell{-1};
std::atomic<int> rings{0};

void ring(std::uint64_t count) {
  (void)!::write(bell.load(), &count, sizeof count);
}

extern "C" void on_sigint(int) {
  if (rings.fetch_add(1) > 0) ::_exit(static_cast<int>(ExitCode::interrupted));
  int const saved = errno;
  ring(1);
  errno = saved;
}

}  // namespace

Interrupt::Interrupt(std::function<void()> then) : then_(std::move(then)) {
  struct sigaction now{};
  if (sigaction(SIGINT, nullptr, &now) != 0 || now.sa_handler == SIG_IGN) return;
  int const descriptor = eventfd(0, EFD_CLOEXEC);
  if (descriptor < 0) return;
  rings = 0;
  bell = descriptor;
  armed_ = true;
  watcher_ = std::thread([this] {
    std::uint64_t count = 0;
    while (::read(bell.load(), &count, sizeof count) < 0 && errno == EINTR) {
    }
    if (count > 0 && count < kEnd) then_();
  });
  struct sigaction action{};
  action.sa_handler = on_sigint;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

Interrupt::~Interrupt() {
  if (!armed_) return;
  std::signal(SIGINT, SIG_DFL);
  ring(kEnd);
  watcher_.join();
  ::close(bell.exchange(-1));
}

}  // namespace hubd::cli
