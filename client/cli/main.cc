// SPDX-License-Identifier: Apache-2.0
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <string_view>
#include <vector>

#include "client/cli/app.h"
#include "client/cli/exit_code.h"

namespace {

/// A token given as an argument leaves the process list once it has been read.
void hide_tokens(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view const word(argv[i]);
    if (word.starts_with("--token="))
      std::memset(argv[i] + 8, 'x', word.size() - 8);
    else if (word == "--token" && i + 1 < argc)
      std::memset(argv[i + 1], 'x', std::strlen(argv[i + 1]));
  }
}

/// Why standard output takes no more; the stream itself has forgotten.
int output_error() {
  return ::write(STDOUT_FILENO, "\n", 1) == 1 ? EIO : errno;
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_DUMPABLE, 0);              // tokens pass through this process: no core dump
  ::setenv("GRPC_VERBOSITY", "NONE", 0);  // errors are told by us, once
  try {
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    hide_tokens(argc, argv);
    int const code = hubd::cli::run(arguments, hubd::client::process_variables(), std::cout, std::cerr,
                                    hubd::cli::program_from(argc > 0 ? argv[0] : ""));
    if (!std::cout.flush() && output_error() != EPIPE) {  // a reader that has left wants no words
      std::cerr << "Error: the output could not be written: " << std::strerror(output_error()) << std::endl;
      return static_cast<int>(hubd::cli::ExitCode::error);
    }
    return code;
  } catch (std::exception const& error) {
    std::cerr << "Error: " << error.what() << std::endl;
    return static_cast<int>(hubd::cli::ExitCode::error);
  }
}
