// SPDX-License-Identifier: Apache-2.0
// completion: the script that a shell loads. It asks `complete`, which app.cc answers before anything is parsed.
#include <memory>
#include <string_view>

#include "client/cli/commands.h"
#include "client/cli/completer.h"

namespace hubd::cli {
namespace {

struct Options {
  std::string shell;
};

/// "/usr/bin/zsh" of $SHELL as "zsh".
std::string own_shell(Session const& session) {
  auto const path = client::variable(session.variables(), "SHELL");
  return std::string(path.substr(path.rfind('/') + 1));
}

ExitCode print_script(Session& session, Options const& options) {
  auto const shell = options.shell.empty() ? own_shell(session) : options.shell;
  auto const script = completion_script(shell, std::string(name_of(session.program())));
  if (script.empty())
    return session.usage("there is no completion for the shell '" + shell + "'; name bash, zsh or fish");
  session.output().raw(script.substr(0, script.size() - 1));
  return ExitCode::ok;
}

}  // namespace

void add_completion(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const script = add_command(registrar, registrar.root, "completion",
                                   "Print the script that lets a shell complete commands, options and values",
                                   "  hubctl completion fish > ~/.config/fish/completions/hubctl.fish\n"
                                   "  eval \"$(hubctl completion bash)\"      # in ~/.bashrc\n"
                                   "  eval \"$(hubctl completion zsh)\"       # in ~/.zshrc, behind compinit");
  add_choice(*script, "shell", options->shell, "The shell (default: that of $SHELL)", {"bash", "zsh", "fish"});
  script->callback([&registrar, options] {
    registrar.action = [options](Session& session) { return print_script(session, *options); };
  });
}

}  // namespace hubd::cli
