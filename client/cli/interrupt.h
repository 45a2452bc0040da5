// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <thread>

namespace hubd::cli {

/// While this lives, the first SIGINT runs `then` on a thread of its own, with everything a thread may do; the second
/// one ends the process at once with 130. A SIGINT that was ignored when we started stays ignored. One at a time per
/// process.
class Interrupt {
 public:
  explicit Interrupt(std::function<void()> then);
  ~Interrupt();
  Interrupt(Interrupt const&) = delete;
  Interrupt& operator=(Interrupt const&) = delete;

 private:
  std::function<void()> then_;
  bool armed_ = false;
  std::thread watcher_;
};

}  // namespace hubd::cli
