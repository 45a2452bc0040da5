// SPDX-License-Identifier: Apache-2.0
#include "client/cli/screen.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

namespace hubd::cli {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT};

// What a signal handler can reach.
std::atomic<int> bell{-1};      // the writing end of a pipe: one byte per signal
std::atomic<int> endings{0};    // signals that ask to end
termios terminal_before{};

void put(std::string_view text) {
  while (!text.empty()) {
    auto const written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

extern "C" void on_signal(int number) {
  int const saved = errno;
  bool const ending = number == SIGINT || number == SIGTERM || number == SIGHUP;
  if (ending && endings.fetch_add(1) > 0) {  // asked twice: whatever hangs, the terminal is given back
    put(kLeave);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
    ::_exit(128 + number);
  }
  auto const byte = static_cast<char>(number);
  (void)!::write(bell.load(), &byte, 1);
  errno = saved;
}

struct Handlers {
  std::array<struct sigaction, kSignals.size()> before{};
  std::array<int, 2> pipe{-1, -1};
};
Handlers handlers;  // of the one screen there is

winsize size_now() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) size = {};
  return size;
}

}  // namespace

Screen::Screen() {
  (void)tcgetattr(STDIN_FILENO, &before_);
  terminal_before = before_;
  endings = 0;
  if (::pipe2(handlers.pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0) bell = handlers.pipe[1];
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action{};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(kSignals[i], &action, &handlers.before[i]);
  }
  enter();
}

Screen::~Screen() {
  leave();
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &handlers.before[i], nullptr);
  bell = -1;
  for (int& end : handlers.pipe) {
    if (end >= 0) ::close(end);
    end = -1;
  }
}

void Screen::enter() {
  auto quiet = before_;
  quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
  (void)tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
  put(kEnter);
}

void Screen::leave() {
  put(kLeave);
  (void)tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

std::size_t Screen::width() const {
  auto const columns = size_now().ws_col;
  return columns == 0 ? 80 : columns;
}

std::size_t Screen::height() const {
  auto const rows = size_now().ws_row;
  return rows == 0 ? 24 : rows;
}

void Screen::draw(std::vector<std::string> const& lines) {
  std::string text = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\r\n") + lines[i] + "\x1b[K";
  text += "\x1b[J";  // what an earlier, longer picture left below
  put(text);
}

Screen::Event Screen::wait(std::chrono::milliseconds limit) {
  auto const until = std::chrono::steady_clock::now() + limit;
  while (true) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Event::tick;
    std::array<pollfd, 2> ready{{{handlers.pipe[0], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    int const count = ::poll(ready.data(), ready.size(), static_cast<int>(left.count()));
    if (count < 0 && errno != EINTR) return Event::tick;
    char byte = 0;
    if (::read(handlers.pipe[0], &byte, 1) == 1) {
      signal_ = static_cast<unsigned char>(byte);
      if (signal_ == SIGINT) return Event::interrupted;
      if (signal_ == SIGTERM || signal_ == SIGHUP) return Event::ended;
      if (signal_ == SIGTSTP) {  // the shell gets its terminal back until we go on
        leave();
        ::raise(SIGSTOP);
        enter();
      }
      return Event::resized;
    }
    if (count <= 0 || ready[1].revents == 0) continue;
    auto const got = ::read(STDIN_FILENO, &key_, 1);
    if (got == 1) return Event::key;
    if (got == 0) return Event::ended;  // the terminal is gone
  }
}

}  // namespace hubd::cli
