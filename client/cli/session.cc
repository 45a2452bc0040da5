// SPDX-License-Identifier: Apache-2.0
#include "client/cli/session.h"

#include <unistd.h>

#include <chrono>
#include <iostream>

#include "client/cli/connector.h"
#include "client/cli/terminal.h"
#include "client/cli/text.h"
#include "client/cli/version.h"

namespace hubd::cli {
namespace {

constexpr std::size_t kWidthOtherwise = 80;

std::optional<Mode> mode_from(std::string_view name) {
  // "auto" asks for no more than the default: hubctl's output does not depend on who runs it.
  if (name == "human" || name == "auto" || name.empty()) return Mode::human;
  if (name == "agent") return Mode::agent;
  if (name == "json") return Mode::json;
  if (name == "quiet") return Mode::quiet;
  return std::nullopt;
}

/// hf cuts its tables also where there is no terminal, and to $COLUMNS before all.
std::size_t hf_width(client::Variables const& variables) {
  auto const columns = parse_size(client::variable(variables, "COLUMNS"));
  return columns && *columns > 0 ? *columns : terminal_width(STDOUT_FILENO, kWidthOtherwise);
}

/// No locale, "C" or "POSIX", in which Python writes UTF-8 all the same.
bool is_plain_locale(client::Variables const& variables) {
  for (auto const* const name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (auto const set = client::variable(variables, name); !set.empty()) return set == "C" || set == "POSIX";
  return true;
}

}  // namespace

Session::Session(Program program, client::Variables variables, std::ostream& out, std::ostream& err)
    : program_(program),
      variables_(std::move(variables)),
      out_(out),
      err_(err),
      output_(std::make_unique<Output>(Style{}, out, err)) {}

client::Result<void> Session::settle(CommonOptions const& options) {
  options_ = options;
  Style style;
  auto const named = mode_from(options.format);
  style.mode = options.json ? Mode::json : options.quiet ? Mode::quiet : named.value_or(Mode::human);
  bool const terminal = is_terminal(STDOUT_FILENO, variables_);
  style.colour = terminal && is_terminal(STDERR_FILENO, variables_) && client::variable(variables_, "NO_COLOR").empty();
  style.unicode = is_unicode(variables_);
  if (terminal && !options.no_truncate) style.width = terminal_width(STDOUT_FILENO, kWidthOtherwise);
  if (as_hf()) {
    style.as_hf = true;
    style.width = options.no_truncate ? 0 : hf_width(variables_);
    style.unicode = style.unicode || is_plain_locale(variables_);
  }
  output_ = std::make_unique<Output>(style, out_, err_);
  if (!named)
    return client::make_error(client::ErrorKind::bad_request,
                              "--format takes auto, human, agent, json or quiet, not '" + options.format + "'");
  if (int{options.json} + int{options.quiet} + int{!options.format.empty()} > 1)
    return client::make_error(client::ErrorKind::bad_request, "give only one of --format, --json and --quiet");
  return {};
}

std::string Session::absolute(std::string const& path) const {
  return client::expand_path(path, variables_);
}

client::Caller Session::caller(std::string const& cache_dir, std::string const& token) const {
  auto caller = client::caller_from(variables_);
  if (!cache_dir.empty()) {
    caller.cache_root = absolute(cache_dir);
    caller.cache_named = true;
  }
  if (!token.empty()) {
    caller.token = token;
    caller.token_mode = client::TokenMode::given;
  }
  caller.user_agent = std::string("hubctl/") + kVersion;
  return caller;
}

client::Result<client::Priority> Session::priority(std::string const& name) const {
  auto const said = name.empty() ? std::string(client::variable(variables_, "HUBD_PRIORITY")) : name;
  if (said.empty() || said == "normal") return client::Priority::normal;
  if (said == "interactive") return client::Priority::interactive;
  if (said == "background") return client::Priority::background;
  return client::make_error(client::ErrorKind::bad_request,
                            "HUBD_PRIORITY is '" + said + "'; it must be interactive, normal or background");
}

client::Result<std::unique_ptr<client::Client>> Session::open(std::string const& cache_root, bool may_start) {
  Connector::Options options;
  if (!options_.socket.empty())
    options.socket = absolute(options_.socket);
  else if (auto const set = client::variable(variables_, "HUBD_SOCKET"); !set.empty())
    options.socket = absolute(std::string(set));
  options.wanted_root = cache_root;
  bool const forbidden = options_.no_start || client::is_true(variables_, "HUBD_NO_AUTOSTART");
  options.may_start = may_start && !forbidden;
  options.foreign_too = may_start;
  auto opened = Connector(variables_, options).connect();
  if (opened || !may_start || !forbidden || opened.error().kind != client::ErrorKind::unavailable) return opened;
  auto error = opened.error();
  error.message += "; start it with `hubd`, or allow hubctl to (" +
                   std::string(options_.no_start ? "leave --no-start out" : "unset HUBD_NO_AUTOSTART") + ")";
  return error;
}

client::Result<std::unique_ptr<client::Client>> Session::connect(std::string const& cache_root) {
  return open(cache_root, true);
}

client::Result<std::unique_ptr<client::Client>> Session::connect() {
  return open(client::cache_root(variables_), true);
}

client::Result<std::unique_ptr<client::Client>> Session::connect_to_running() {
  return open(client::cache_root(variables_), false);
}

ExitCode Session::fail(client::Error const& error) {
  output_->error(error);
  return ExitCode::error;
}

ExitCode Session::usage(std::string_view sentence) {
  output_->usage_error(sentence);
  return ExitCode::usage;
}

ExitCode Session::refuse(std::string_view sentence) {
  auto const code = usage(sentence);
  return as_hf() ? ExitCode::error : code;
}

std::unique_ptr<ProgressPrinter> Session::progress(std::string label, bool forced) const {
  bool const terminal = is_terminal(STDERR_FILENO, variables_);
  bool shown = output_->mode() == Mode::human;
  if (!client::variable(variables_, "HF_HUB_DISABLE_PROGRESS_BARS").empty())
    shown = !client::is_true(variables_, "HF_HUB_DISABLE_PROGRESS_BARS");
  auto mode = ProgressMode::none;
  if (shown || forced) mode = terminal ? ProgressMode::bars : ProgressMode::plain;
  ProgressView view;
  view.label = std::move(label);
  // One column less: a full line would make some terminals wrap.
  view.width = std::max<std::size_t>(terminal_width(STDERR_FILENO, kWidthOtherwise), 20) - 1;
  view.unicode = is_unicode(variables_);
  return std::make_unique<ProgressPrinter>(mode, std::move(view), err_, std::chrono::steady_clock::now());
}

void Session::warn_about_token(std::string const& token) {
  if (!token.empty())
    output_->warning(
        "a token on the command line can be seen by every user of this host; use HF_TOKEN or `hubctl auth login`");
}

client::Result<bool> Session::confirm(std::string_view message) {
  bool const asks = output_->mode() == Mode::human && ::isatty(STDIN_FILENO) == 1;
  if (!asks)
    return client::make_error(client::ErrorKind::bad_request,
                              "this needs a confirmation; give --yes to go on without being asked");
  err_ << message << " [y/N] " << std::flush;
  auto const answer = read_line();
  auto const word = lower(answer.value_or(""));
  return word == "y" || word == "yes";
}

}  // namespace hubd::cli
