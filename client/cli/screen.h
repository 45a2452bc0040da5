// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <termios.h>

#include <chrono>
#include <string>
#include <vector>

namespace hubd::cli {

/// The whole terminal for one program: another screen without cursor and echo while it lives, and everything as it was
/// afterwards, also when a signal ends it. One at a time per process; one thread.
class Screen {
 public:
  /// Standard input and output must be a terminal.
  Screen();
  ~Screen();
  Screen(Screen const&) = delete;
  Screen& operator=(Screen const&) = delete;

  [[nodiscard]] std::size_t width() const;
  [[nodiscard]] std::size_t height() const;
  /// Puts the lines there; each must fit.
  void draw(std::vector<std::string> const& lines);

  enum class Event { tick, resized, key, interrupted, ended };
  /// The next thing that happens; tick after `limit`. `ended`: SIGTERM or SIGHUP, whose number signal() tells.
  Event wait(std::chrono::milliseconds limit);
  [[nodiscard]] char key() const { return key_; }
  [[nodiscard]] int signal() const { return signal_; }

 private:
  void enter();
  void leave();

  termios before_{};
  char key_ = 0;
  int signal_ = 0;
};

}  // namespace hubd::cli
