// SPDX-License-Identifier: Apache-2.0
#include "client/cli/repo_batch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "client/cli/departure.h"
#include "client/cli/interrupt.h"
#include "client/cli/text.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::ErrorKind;
using std::chrono::steady_clock;

constexpr std::size_t kReposAtATime = 4;  // enough that no line waits for the listing of another

/// Nothing can follow such a failure: hubd is gone, or does not serve this caller.
bool ends_all(ErrorKind kind) {
  return kind == ErrorKind::unavailable || kind == ErrorKind::cancelled || kind == ErrorKind::foreign_cache ||
         kind == ErrorKind::permission_denied;
}

/// What became of each line; nothing where it was not tried.
template <class T>
using Outcomes = std::vector<std::optional<client::Result<T>>>;

/// Runs `work(i)` for each line, a few at a time, in order of their start.
template <class T>
Outcomes<T> run_lines(std::size_t count, std::function<client::Result<T>(std::size_t)> const& work) {
  Outcomes<T> outcomes(count);
  std::atomic<std::size_t> next{0};
  std::atomic<bool> over{false};
  auto const run = [&] {
    for (auto i = next++; i < count && !over; i = next++) {
      outcomes[i] = work(i);
      if (!*outcomes[i] && ends_all(outcomes[i]->error().kind)) over = true;
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(count, kReposAtATime); ++i) threads.emplace_back(run);
  run();
  for (auto& thread : threads) thread.join();
  return outcomes;
}

/// The transfers of all lines as one, for one view of progress. Safe from many threads.
class Together {
 public:
  Together(std::size_t lines, ProgressPrinter& printer) : printer_(printer), of_line_(lines), ids_(lines) {}

  void started(std::size_t line, client::EnsureStarted const& started) {
    std::lock_guard const lock(mutex_);
    ids_[line] = started.transfer_id;
  }
  void update(std::size_t line, client::Progress const& progress) {
    client::Progress sum;
    {
      std::lock_guard const lock(mutex_);
      of_line_[line] = progress;
      for (auto const& one : of_line_) {
        sum.files_done += one.files_done;
        sum.files_total += one.files_total;
        sum.bytes_done += one.bytes_done;
        sum.bytes_total += one.bytes_total;
        sum.rate += one.rate;
        if (sum.waiting_for.empty()) sum.waiting_for = one.waiting_for;
        sum.files.insert(sum.files.end(), one.files.begin(), one.files.end());
      }
    }
    if (sum.rate > 0)
      sum.eta_seconds = static_cast<double>(sum.bytes_total - std::min(sum.bytes_done, sum.bytes_total)) / sum.rate;
    printer_.update(sum, steady_clock::now());
  }
  /// The line's transfer has ended: it is not one to detach from, and its bytes move no more.
  void ended(std::size_t line) {
    std::lock_guard const lock(mutex_);
    ids_[line].clear();
    auto& progress = of_line_[line];
    progress.rate = 0;
    progress.files.clear();
    progress.waiting_for.clear();
  }
  [[nodiscard]] std::vector<std::string> transfers() const {
    std::lock_guard const lock(mutex_);
    std::vector<std::string> ids;
    for (auto const& id : ids_)
      if (!id.empty()) ids.push_back(id);
    return ids;
  }

 private:
  ProgressPrinter& printer_;
  mutable std::mutex mutex_;
  std::vector<client::Progress> of_line_;  // under mutex_
  std::vector<std::string> ids_;           // under mutex_
};

json::object item_of(RepoLine const& line) {
  json::object item;
  item["line"] = line.number;
  item["repo_id"] = line.name.repo.id;
  item["repo_type"] = type_name(line.name.repo.type);
  item["revision"] = line.name.repo.revision.empty() ? "main" : line.name.repo.revision;
  return item;
}

std::string label_of(RepoLine const& line) {
  auto const& repo = line.name.repo;
  auto text = repo.type == client::RepoType::model ? repo.id : std::string(type_name(repo.type)) + "s/" + repo.id;
  return repo.revision.empty() ? text : text + "@" + repo.revision;
}

/// Tells the failures with their lines; how many there are.
template <class T>
std::size_t tell_failures(Session& session, std::string const& file, std::vector<RepoLine> const& lines,
                          Outcomes<T> const& outcomes) {
  std::size_t failures = 0;
  std::size_t untried = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!outcomes[i]) {
      ++untried;
    } else if (!*outcomes[i]) {
      ++failures;
      auto error = outcomes[i]->error();
      error.message = file + ":" + std::to_string(lines[i].number) + ": " + error.message;
      session.fail(error);
    }
  }
  if (untried > 0) session.output().warning(count_text(untried, "line") + " of " + file + " were not tried after that");
  return failures + untried;
}

/// A json item with why the line has no result.
template <class T>
void add_error(json::object& item, std::optional<client::Result<T>> const& outcome) {
  json::object error;
  error["kind"] = outcome ? client::name_of(outcome->error().kind) : client::name_of(ErrorKind::cancelled);
  error["message"] = outcome ? outcome->error().message : "not tried, since an earlier line ended the run";
  item["error"] = std::move(error);
}

client::Result<std::vector<RepoLine>> read_lines(std::string const& file) {
  auto const text = read_repo_file(file);
  if (!text) return text.error();
  return parse_repo_file(*text, file == "-" ? "standard input" : file);
}

/// What the line's words name and the repo does not have.
std::vector<std::string> missing_of(RepoLine const& line, std::vector<std::string> const& there) {
  std::vector<std::string> missing;
  for (auto const& name : line.selected.names)
    if (std::find(there.begin(), there.end(), name) == there.end()) missing.push_back(name);
  return missing;
}

void warn_about_files(Session& session, std::string const& file, RepoLine const& line,
                      std::vector<std::string> const& there) {
  auto const where = file + ":" + std::to_string(line.number) + ": ";
  for (auto const& name : missing_of(line, there))
    session.output().warning(where + "'" + name + "' is not a file of " + line.name.repo.id);
  if (there.empty()) session.output().warning(where + "no file of " + line.name.repo.id + " is selected");
}

template <class Files>
std::vector<std::string> paths_of(Files const& files) {
  std::vector<std::string> paths;
  for (auto const& file : files) paths.push_back(file.path);
  return paths;
}

}  // namespace

ExitCode download_batch(Session& session, BatchOptions const& options) {
  auto const read = read_lines(options.file);
  if (!read) return session.usage(read.error());
  auto const& lines = *read;
  session.warn_about_token(options.token);
  client::EnsureRequest common;
  common.caller = session.caller(options.cache_dir, options.token);
  common.force = options.force;
  common.workers = options.workers;
  common.priority = options.priority;
  common.caller.deadline = options.deadline;
  auto const client = session.connect(common.caller.cache_root);
  if (!client) return session.fail(client.error());

  auto const printer = session.progress(count_text(lines.size(), "repository"), options.progress);
  Together together(lines.size(), *printer);
  std::mutex notes;
  std::size_t finished = 0;  // under notes
  auto const work = [&](std::size_t i) -> client::Result<client::EnsureDone> {
    auto request = common;
    request.repo = lines[i].name.repo;
    request.selection = lines[i].selected.selection;
    client::EnsureListener listener;
    listener.started = [&](client::EnsureStarted const& started) { together.started(i, started); };
    listener.progress = [&](client::Progress const& progress) { together.update(i, progress); };
    auto done = (*client)->ensure(request, listener);
    together.ended(i);
    std::lock_guard const lock(notes);
    ++finished;
    if (done && lines.size() > 1) {
      printer->clear();
      session.output().note("[" + std::to_string(finished) + "/" + std::to_string(lines.size()) + "] " +
                            label_of(lines[i]) + ": " + count_text(done->files.size(), "file") + ", " +
                            human_size(done->bytes_fetched) + " fetched");
    }
    return done;
  };
  auto const outcomes = [&] {
    int const code = static_cast<int>(session.interrupted());
    Interrupt const interrupt([&] { leave(**client, *printer, session.output(), together.transfers(), code); });
    return run_lines<client::EnsureDone>(lines.size(), work);
  }();
  printer->clear();

  Table table;
  table.columns = {"repo", "files", "size", "fetched", "path"};
  table.right = {"size", "fetched"};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto item = item_of(lines[i]);
    if (outcomes[i] && *outcomes[i]) {
      auto const& done = **outcomes[i];
      std::uint64_t bytes = 0;
      for (auto const& file : done.files) bytes += file.size;
      bool const one = lines[i].selected.single_file && !done.files.empty();
      auto const path = one ? done.snapshot_path + "/" + done.files.front().path : done.snapshot_path;
      item["path"] = path;
      item["commit"] = done.commit;
      item["files"] = done.files.size();
      item["bytes"] = bytes;
      item["bytes_fetched"] = done.bytes_fetched;
      item["requests"] = done.requests;
      table.rows.push_back({json::value(label_of(lines[i])), json::value(done.files.size()),
                            json::value(human_size(bytes)), json::value(human_size(done.bytes_fetched)),
                            json::value(path)});
      table.quiet.push_back(path);
      if (!done.warning.empty()) session.output().warning(done.warning);
      warn_about_files(session, options.file, lines[i], paths_of(done.files));
    } else {
      add_error(item, outcomes[i]);
    }
    table.items.emplace_back(std::move(item));
  }
  table.empty_text = "Nothing was downloaded.";
  if (session.output().mode() != Mode::quiet || !table.quiet.empty()) session.output().table(table);
  auto const failures = tell_failures(session, options.file, lines, outcomes);
  return failures == 0 ? ExitCode::ok : ExitCode::error;
}

ExitCode plan_batch(Session& session, BatchOptions const& options) {
  auto const read = read_lines(options.file);
  if (!read) return session.usage(read.error());
  auto const& lines = *read;
  session.warn_about_token(options.token);
  client::PlanRequest common;
  common.caller = session.caller(options.cache_dir, options.token);
  common.force = options.force;
  common.sources = true;
  auto const client = session.connect(common.caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const outcomes = run_lines<client::Plan>(lines.size(), [&](std::size_t i) {
    auto request = common;
    request.repo = lines[i].name.repo;
    request.selection = lines[i].selected.selection;
    return (*client)->plan(request);
  });

  auto& output = session.output();
  Table table;
  table.columns = {"repo", "files", "size", "to fetch"};
  table.right = {"size", "to fetch"};
  client::Plan sum;
  sum.fits = true;
  std::uint64_t files = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto item = item_of(lines[i]);
    if (outcomes[i] && *outcomes[i]) {
      auto const& plan = **outcomes[i];
      item["commit"] = plan.commit;
      item["files"] = plan.files.size();
      item["bytes_total"] = plan.bytes_total;
      item["bytes_cached"] = plan.bytes_cached;
      item["bytes_resumable"] = plan.bytes_resumable;
      item["bytes_network"] = plan.bytes_network;
      item["bytes_repo"] = plan.bytes_repo;
      item["bytes_others"] = plan.bytes_others;
      item["files_unknown"] = plan.files_unknown;
      files += plan.files.size();
      sum.bytes_total += plan.bytes_total;
      sum.bytes_cached += plan.bytes_cached;
      sum.bytes_resumable += plan.bytes_resumable;
      sum.bytes_network += plan.bytes_network;
      sum.bytes_repo += plan.bytes_repo;
      sum.bytes_others += plan.bytes_others;
      sum.files_unknown += plan.files_unknown;
      sum.bytes_free = plan.bytes_free;  // of one cache
      sum.bytes_floor = plan.bytes_floor;
      sum.requests += plan.requests;
      table.rows.push_back({json::value(label_of(lines[i])), json::value(plan.files.size()),
                            json::value(human_size(plan.bytes_total)), json::value(human_size(plan.bytes_network))});
      warn_about_files(session, options.file, lines[i], paths_of(plan.files));
    } else {
      add_error(item, outcomes[i]);
    }
    table.items.emplace_back(std::move(item));
  }
  auto const failures = tell_failures(session, options.file, lines, outcomes);
  bool const known = failures < lines.size();
  sum.fits = known && sum.bytes_written() + sum.bytes_floor <= sum.bytes_free;
  bool const machine = output.mode() == Mode::json || output.mode() == Mode::quiet;
  auto const size = [&](std::uint64_t bytes) { return machine ? json::value(bytes) : json::value(human_size(bytes)); };
  Fields fields;
  if (output.mode() == Mode::json) {
    fields = {{"repos", table.items}, {"files", json::value(files)}};
  } else {
    table.empty_text = "No plan could be made.";
    if (output.mode() != Mode::quiet) output.table(table);
    output.text("");
    fields = {{"bytes to fetch", size(sum.bytes_network)}, {"files", json::value(files)}};
  }
  std::vector<std::pair<std::string, std::uint64_t>> const sizes{
      {"bytes_total", sum.bytes_total},         {"bytes_cached", sum.bytes_cached},
      {"bytes_resumable", sum.bytes_resumable}, {"bytes_repo", sum.bytes_repo},
      {"bytes_others", sum.bytes_others},       {"bytes_network", sum.bytes_network},
      {"bytes_free", sum.bytes_free},           {"bytes_floor", sum.bytes_floor}};
  for (auto const& [name, bytes] : sizes)
    if (output.mode() == Mode::json || name != "bytes_network") fields.emplace_back(name, size(bytes));
  fields.emplace_back("files_unknown", sum.files_unknown);
  fields.emplace_back("fits", sum.fits);
  fields.emplace_back("requests", sum.requests);
  if (known) output.object(fields);
  auto const needed = sum.bytes_written() + sum.bytes_floor;
  if (known && !sum.fits)
    output.warning("too little space for all of them: " + human_size(needed - std::min(needed, sum.bytes_free)) +
                   " more must be free (`hubctl cache ls --sort size` shows what is large)");
  return failures == 0 ? ExitCode::ok : ExitCode::error;
}

}  // namespace hubd::cli
