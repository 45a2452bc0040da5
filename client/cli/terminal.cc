// SPDX-License-Identifier: Apache-2.0
#include "client/cli/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "client/cli/text.h"

namespace hubd::cli {
namespace {

constexpr std::size_t kLineMax = 64 * 1024;

constexpr char kCtrlC = '\x03';

/// Up to the end of a line, of the input, or a Ctrl-C that arrives as a character (which is kept).
std::optional<std::string> read_line_from(int descriptor) {
  std::string line;
  char c = 0;
  while (line.size() < kLineMax) {
    auto const got = ::read(descriptor, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return line.empty() ? std::nullopt : std::optional(line);
    if (c == '\n') return line;
    line += c;
    if (c == kCtrlC) return line;
  }
  return line;
}

}  // namespace

bool is_terminal(int descriptor, client::Variables const& variables) {
  return isatty(descriptor) == 1 && client::variable(variables, "TERM") != "dumb";
}

std::size_t terminal_width(int descriptor, std::size_t otherwise) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : otherwise;
}

bool is_unicode(client::Variables const& variables) {
  for (auto const* const name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (auto const set = client::variable(variables, name); !set.empty()) {
      auto const text = lower(set);
      return text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
    }
  return false;
}

std::optional<std::string> read_hidden(std::string_view prompt) {
  int const terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0) return std::nullopt;
  termios before{};
  if (tcgetattr(terminal, &before) != 0) {
    ::close(terminal);
    return std::nullopt;
  }
  // Ctrl-C waits until the echo is back.
  sigset_t blocked;
  sigset_t previous;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGTSTP);
  sigprocmask(SIG_BLOCK, &blocked, &previous);
  auto hidden = before;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
  hidden.c_cc[VEOL] = kCtrlC;  // so that it ends the line at once
  tcsetattr(terminal, TCSAFLUSH, &hidden);
  (void)!::write(terminal, prompt.data(), prompt.size());
  auto line = read_line_from(terminal);
  (void)!::write(terminal, "\n", 1);
  tcsetattr(terminal, TCSAFLUSH, &before);
  ::close(terminal);
  sigprocmask(SIG_SETMASK, &previous, nullptr);
  if (line && line->ends_with(kCtrlC)) {
    std::raise(SIGINT);
    return std::nullopt;
  }
  return line;
}

std::optional<std::string> read_line() {
  return read_line_from(STDIN_FILENO);
}

}  // namespace hubd::cli
