// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <exception>
#include <sys/prctl.h>

#include "daemon/daemon.h"

int main(int argc, char** argv) {
  // Tokens live in this process's memory: no core dump, no ptrace by other processes of this user.
  prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    int exit_code = 0;
    auto options = hubd::daemon::parse_command_line(argc, argv, hubd::process_environment(), exit_code);
    if (!options) return exit_code;
    return hubd::daemon::run(std::move(*options));
  } catch (std::exception const& error) {
    std::fprintf(stderr, "hubd: %s\n", error.what());
    return 1;
  }
}
