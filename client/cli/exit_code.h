// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hubd::cli {

/// What a shell sees. docs/cli.md has the same table; scripts rely on it.
enum class ExitCode : int {
  ok = 0,
  error = 1,      ///< a typed error, a declined question, a verification that found differences
  usage = 2,      ///< the command line is wrong; nothing was tried
  not_ready = 3,  ///< `ready`: something lacks
  interrupted = 130,
};

}  // namespace hubd::cli
