// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>

#include "client/cli/commands.h"
#include "client/cli/screen.h"
#include "client/cli/terminal.h"
#include "client/cli/top_view.h"

namespace hubd::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Options {
  double interval = 1;  ///< seconds
  std::uint64_t frames = 0;  ///< 0: until the user has enough
};

client::Result<TopFrame> look(client::Client& client) {
  auto overview = client.overview();
  if (!overview) return overview.error();
  auto status = client.status();
  if (!status) return status.error();
  return TopFrame{std::move(*overview), std::move(*status)};
}

/// Waits so long, and less when whoever reads the frames has gone.
bool reader_stays(milliseconds limit) {
  pollfd reader{STDOUT_FILENO, 0, 0};
  return ::poll(&reader, 1, static_cast<int>(limit.count())) <= 0;
}

/// One line a frame.
ExitCode stream(Session& session, client::Client& client, Options const& options) {
  milliseconds const interval(static_cast<std::int64_t>(options.interval * 1000));
  for (std::uint64_t shown = 0; options.frames == 0 || shown < options.frames; ++shown) {
    if (shown > 0 && !reader_stays(interval)) return ExitCode::ok;
    auto const frame = look(client);
    if (!frame) return session.fail(frame.error());
    session.output().json_line(top_json(*frame));
    session.output().flush();
  }
  return ExitCode::ok;
}

ExitCode list(Session& session, client::Client& client) {
  auto const frame = look(client);
  if (!frame) return session.fail(frame.error());
  if (session.output().mode() == Mode::quiet)
    for (auto const& transfer : frame->overview.transfers) session.output().raw(transfer.id);
  for (auto const& line : top_lines(*frame, 0, 0)) session.output().text(line);
  return ExitCode::ok;
}

struct Seen {
  ExitCode code = ExitCode::ok;
  std::optional<client::Error> error;
  int signal = 0;  ///< that ended it
};

/// The live view; the terminal is as it was when this returns.
Seen watch(client::Client& client, Options const& options) {
  milliseconds const interval(static_cast<std::int64_t>(options.interval * 1000));
  Screen screen;
  std::uint64_t shown = 0;
  std::optional<TopFrame> frame;
  auto next = steady_clock::now();
  while (true) {
    if (steady_clock::now() >= next || !frame) {
      auto found = look(client);
      if (!found) return {ExitCode::error, found.error()};
      frame = std::move(*found);
      next = steady_clock::now() + interval;
      ++shown;
    }
    screen.draw(top_lines(*frame, screen.width(), screen.height()));
    if (shown == options.frames) return {};
    auto const event = screen.wait(std::max(milliseconds(1), std::chrono::ceil<milliseconds>(next - steady_clock::now())));
    if (event == Screen::Event::interrupted) return {ExitCode::interrupted, std::nullopt};
    if (event == Screen::Event::ended) return {ExitCode::error, std::nullopt, screen.signal()};
    if (event == Screen::Event::key && (screen.key() == 'q' || screen.key() == 'Q')) return {};
  }
}

ExitCode run(Session& session, Options const& options) {
  auto const client = session.connect();
  if (!client) return session.fail(client.error());
  if (session.output().mode() == Mode::json) return stream(session, **client, options);
  bool const live = session.output().mode() == Mode::human && is_terminal(STDOUT_FILENO, session.variables()) && ::isatty(STDIN_FILENO) == 1;
  if (!live) return list(session, **client);
  auto const seen = watch(**client, options);
  if (seen.error) return session.fail(*seen.error);
  if (seen.signal != 0) {  // whoever asked sees that it was heard
    std::signal(seen.signal, SIG_DFL);
    std::raise(seen.signal);
  }
  return seen.code == ExitCode::interrupted ? session.interrupted() : seen.code;
}

}  // namespace

void add_top(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const app = add_command(registrar, registrar.root, "top",
                                "Look at transfers, rates, routes and budgets as they change; q or Ctrl-C leaves. One listing when "
                                "it is no terminal; --json: one frame a line.",
                                "  hubctl top\n  hubctl top --interval 0.5\n  hubctl top --json --frames 1");
  app->add_option("-i,--interval", options->interval, "Seconds between two looks (default: 1)")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 3600.0));
  app->add_option("-n,--frames", options->frames, "Stop after so many looks (default: never)")->type_name("INT")->check(CLI::Range(1, 1'000'000'000));
  app->callback([&registrar, options] {
    registrar.action = [options](Session& session) { return run(session, *options); };
  });
}

}  // namespace hubd::cli
