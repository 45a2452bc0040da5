// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/caller.h"
#include "client/cli/exit_code.h"
#include "client/cli/output.h"
#include "client/cli/program.h"
#include "client/cli/progress_printer.h"
#include "client/client.h"
#include "client/environment.h"

namespace hubd::cli {

/// The flags that every command has.
struct CommonOptions {
  std::string socket;
  bool no_start = false;
  std::string format;  ///< "": auto
  bool json = false;
  bool quiet = false;
  bool no_truncate = false;
};

/// One run of hubctl: its environment, its output, its hubd.
class Session {
 public:
  Session(Program program, client::Variables variables, std::ostream& out, std::ostream& err);

  /// Decides the output's form. Fails (bad_request) when two forms are asked for.
  client::Result<void> settle(CommonOptions const& options);

  /// Under whose name we answer.
  [[nodiscard]] Program program() const { return program_; }
  /// Started as hf or huggingface-cli: answers and exit codes are hf's.
  [[nodiscard]] bool as_hf() const { return program_ != Program::hubctl; }
  [[nodiscard]] Output& output() { return *output_; }
  [[nodiscard]] client::Variables const& variables() const { return variables_; }

  /// This caller's settings; `cache_dir` and `token` are the flags of a command, "" when not given.
  [[nodiscard]] client::Caller caller(std::string const& cache_dir = {}, std::string const& token = {}) const;
  /// That of --priority, else of HUBD_PRIORITY, else normal. Fails: bad_request, for a name that is none.
  [[nodiscard]] client::Result<client::Priority> priority(std::string const& name) const;
  /// An absolute form of a folder named on the command line.
  [[nodiscard]] std::string absolute(std::string const& path) const;

  /// hubd for `cache_root`, or for the environment's; started when none runs.
  client::Result<std::unique_ptr<client::Client>> connect(std::string const& cache_root);
  client::Result<std::unique_ptr<client::Client>> connect();
  /// The hubd that runs for the environment's cache, started by nobody.
  client::Result<std::unique_ptr<client::Client>> connect_to_running();

  /// Prints the error; the exit code that belongs to it.
  ExitCode fail(client::Error const& error);
  ExitCode usage(std::string_view sentence);
  ExitCode usage(client::Error const& error) { return usage(error.message); }
  /// A wrong command line for which `hf` has no usage error but an ordinary one.
  ExitCode refuse(std::string_view sentence);

  /// What the shell sees after Ctrl-C.
  [[nodiscard]] ExitCode interrupted() const { return as_hf() ? ExitCode::error : ExitCode::interrupted; }

  /// How progress is shown: bars on a terminal, plain lines otherwise, none in machine modes; `forced` by --progress.
  [[nodiscard]] std::unique_ptr<ProgressPrinter> progress(std::string label, bool forced) const;
  /// The warning that a token on the command line can be seen by others.
  void warn_about_token(std::string const& token);
  /// Asks "message [y/N]". Fails (bad_request) where nobody can answer.
  client::Result<bool> confirm(std::string_view message);

 private:
  client::Result<std::unique_ptr<client::Client>> open(std::string const& cache_root, bool may_start);

  Program program_;
  client::Variables variables_;
  std::ostream& out_;
  std::ostream& err_;
  CommonOptions options_;
  std::unique_ptr<Output> output_;
};

}  // namespace hubd::cli
