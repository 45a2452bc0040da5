// SPDX-License-Identifier: Apache-2.0
#include "client/cli/git_credential.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace hubd::cli {
namespace {

/// Runs `command` with `description` on its standard input.
bool tell_git(char const* command, std::string const& description) {
  auto const before = std::signal(SIGPIPE, SIG_IGN);
  FILE* const git = ::popen(command, "w");
  bool done = false;
  if (git != nullptr) {
    std::fputs(description.c_str(), git);
    done = ::pclose(git) == 0;
  }
  std::signal(SIGPIPE, before);
  return done;
}

}  // namespace

bool has_git_credential_helper() {
  return std::system("git config --get credential.helper >/dev/null 2>&1") == 0;
}

bool approve_git_credential(std::string const& endpoint, std::string const& token) {
  return tell_git("git credential approve >/dev/null 2>&1",
                  "url=" + endpoint + "\nusername=hf_user\npassword=" + token + "\n\n");
}

bool reject_git_credential(std::string const& endpoint) {
  return tell_git("git credential reject >/dev/null 2>&1", "url=" + endpoint + "\nusername=hf_user\n\n");
}

}  // namespace hubd::cli
