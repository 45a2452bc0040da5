// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/interrupt.h"
#include "client/cli/text.h"
#include "core/base/bytes.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::ErrorKind;
using client::make_error;
using std::chrono::steady_clock;

struct Options {
  std::string cache_dir;
  std::string folder;
  std::string repo;
  std::string type;
  std::string revision;
  std::string token;
  bool progress = false;
};

/// How fast a verb reads and what is left, from what it tells.
class Pace {
 public:
  explicit Pace(ProgressPrinter& printer) : printer_(printer), begun_(steady_clock::now()) {}

  void update(client::StoreProgress const& now) {
    auto const moment = steady_clock::now();
    client::Progress progress;
    progress.files_done = now.files_done;
    progress.files_total = now.files_total;
    progress.bytes_done = now.bytes_done;
    progress.bytes_total = now.bytes_total;
    double const seconds = std::chrono::duration<double>(moment - begun_).count();
    if (seconds > 1) progress.rate = static_cast<double>(now.bytes_done) / seconds;
    if (progress.rate >= 1) progress.eta_seconds = static_cast<double>(now.bytes_total - std::min(now.bytes_done, now.bytes_total)) / progress.rate;
    if (!now.path.empty() && now.files_done < now.files_total) progress.files.push_back({now.path.substr(now.path.rfind('/') + 1), 0, 0, ""});
    printer_.update(progress, moment);
  }

 private:
  ProgressPrinter& printer_;
  steady_clock::time_point begun_;
};

/// Runs a long call whose progress is shown, and which Ctrl-C ends; `sentence` says then what became of it.
template <class Call>
auto follow(Session& session, std::string const& label, bool forced, client::StoreListener listener, std::string const& sentence, Call&& call) {
  auto const printer = session.progress(label, forced);
  Pace pace(*printer);
  listener.progress = [&](client::StoreProgress const& progress) { pace.update(progress); };
  auto result = [&] {
    int const code = static_cast<int>(session.interrupted());
    Interrupt const interrupt([&] {
      printer->clear();
      if (session.output().mode() == Mode::json)
        session.output().error(make_error(ErrorKind::cancelled, sentence));
      else
        (void)!::write(STDERR_FILENO, (sentence + "\n").c_str(), sentence.size() + 1);
      ::_exit(code);  // hubd sees the call go
    });
    return call(listener);
  }();
  printer->clear();
  return result;
}

/// One decimal, as text: what a table of costs shows.
std::string one_decimal(std::uint64_t amount, std::uint64_t parts) {
  if (parts == 0) return "0.0";
  auto const tenths = (amount * 10 + parts / 2) / parts;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

ExitCode stats(Session& session, Options const& options) {
  auto const caller = session.caller(options.cache_dir);
  auto const client = session.connect(caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const found = (*client)->store_stats(caller);
  if (!found) return session.fail(found.error());
  auto& output = session.output();
  bool const machine = output.mode() == Mode::json || output.mode() == Mode::quiet;
  auto const size = [&](std::uint64_t bytes) { return machine ? json::value(bytes) : json::value(human_size(bytes)); };
  auto const cost = found->index_bytes + found->recipe_bytes;
  json::value per_chunk(one_decimal(cost, found->chunks));
  if (output.mode() == Mode::json) per_chunk = found->chunks == 0 ? 0.0 : static_cast<double>(cost) / static_cast<double>(found->chunks);
  Fields fields{{"chunks", json::value(found->chunks)},
                {"chunks_distinct", json::value(found->chunks_distinct)},
                {"recipes", json::value(found->recipes)},
                {"content_bytes", size(found->content_bytes)},
                {"recipe_bytes", size(found->recipe_bytes)},
                {"index_bytes", size(found->index_bytes)},
                {"bytes_per_chunk", per_chunk},
                {"bytes_reused", size(found->bytes_reused)},
                {"adoptable", json::value(found->adoptable)},
                {"adoptable_bytes", size(found->adoptable_bytes)},
                {"pending", json::value(found->pending)}};
  if (output.mode() == Mode::json) fields.emplace_back("distinct_estimated", found->distinct_estimated);
  output.object(fields);
  return ExitCode::ok;
}

ExitCode rebuild(Session& session, Options const& options) {
  auto const caller = session.caller(options.cache_dir);
  auto const client = session.connect(caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const done = follow(session, "rebuild", options.progress, {}, "Interrupted; hubd makes the index anew all the same.",
                           [&](client::StoreListener const& listener) { return (*client)->rebuild_store(caller, listener); });
  if (!done) return session.fail(done.error());
  session.output().result("Rebuilt the chunk index", {{"recipes", json::value(done->recipes)},
                                                      {"chunks", json::value(done->chunks)},
                                                      {"damaged", json::value(done->damaged)},
                                                      {"adoptable", json::value(done->adoptable)}});
  if (done->damaged > 0)
    session.output().warning(count_text(done->damaged, "damaged recipe") + " had to go; the contents are read again in the background");
  return ExitCode::ok;
}

json::object to_json(client::DamagedChunk const& chunk) {
  json::object item;
  item["path"] = chunk.path;
  item["etag"] = chunk.etag;
  item["offset"] = chunk.offset;
  item["length"] = chunk.length;
  item["chunk"] = chunk.chunk;
  return item;
}

ExitCode verify(Session& session, Options const& options) {
  auto const caller = session.caller(options.cache_dir);
  auto const client = session.connect(caller.cache_root);
  if (!client) return session.fail(client.error());
  std::vector<client::DamagedChunk> damage;
  client::StoreListener listener;
  listener.damaged = [&](client::DamagedChunk const& chunk) { damage.push_back(chunk); };
  auto const checked = follow(session, "verify", options.progress, std::move(listener), "Interrupted; what was read so far stays judged.",
                              [&](client::StoreListener const& told) { return (*client)->verify_store(caller, told); });
  auto& output = session.output();
  if (output.mode() != Mode::json)
    for (auto const& chunk : damage)
      output.text("damaged  " + printable(chunk.path) + "  at byte " + std::to_string(chunk.offset) + ", " + std::to_string(chunk.length) + " bytes");
  if (!checked) return session.fail(checked.error());
  Fields fields{{"files", json::value(checked->files)},
                {"chunks", json::value(checked->chunks)},
                {"bytes", json::value(checked->bytes)},
                {"damaged_files", json::value(checked->damaged_files)},
                {"damaged_chunks", json::value(checked->damaged_chunks)},
                {"damaged_recipes", json::value(checked->damaged_recipes)},
                {"changed", json::value(checked->changed)},
                {"absent", json::value(checked->absent)}};
  if (output.mode() == Mode::json) {
    json::array items;
    for (auto const& chunk : damage) items.emplace_back(to_json(chunk));
    fields.emplace_back("damaged", items);
  }
  bool const fine = checked->damaged_files == 0 && checked->damaged_recipes == 0;
  if (fine) {
    output.result("Verified " + count_text(checked->files, "file") + ", " + human_size(checked->bytes) + ": every chunk is what its recipe says", fields);
    return ExitCode::ok;
  }
  if (output.mode() == Mode::json) output.object(fields);
  std::vector<std::string> parts;
  if (checked->damaged_files > 0)
    parts.push_back(count_text(checked->damaged_chunks, "wrong chunk") + " in " + count_text(checked->damaged_files, "file") +
                    "; no bytes are reused from there any more, and `hubctl download` fetches again what is damaged");
  if (checked->damaged_recipes > 0) parts.push_back(count_text(checked->damaged_recipes, "damaged recipe") + ", made anew in the background");
  return session.fail(make_error(ErrorKind::corrupt, "verification of the store found " + join(parts, "; ")));
}

json::object to_json(client::AdoptedFile const& file) {
  json::object item;
  item["path"] = file.path;
  item["size"] = file.size;
  if (!file.problem.empty()) {
    item["problem"] = file.problem;
    return item;
  }
  item["sha256"] = file.sha256;
  item["xet"] = file.xet;
  item["chunks"] = file.chunks;
  return item;
}

ExitCode adopt(Session& session, Options const& options) {
  client::AdoptRequest request;
  request.caller = session.caller(options.cache_dir, options.token);
  request.folder = session.absolute(options.folder);
  if (!options.repo.empty()) {
    auto const name = parse_repo_at(options.repo, options.type, options.revision);
    if (!name) return session.usage(name.error());
    request.repo = name->repo;
  } else if (!options.type.empty() || !options.revision.empty()) {
    return session.usage("--type and --revision say more about --repo, which was not given");
  }
  session.warn_about_token(options.token);
  auto const client = session.connect(request.caller.cache_root);
  if (!client) return session.fail(client.error());
  auto& output = session.output();
  json::array files;
  client::StoreListener listener;
  listener.file = [&](client::AdoptedFile const& file) {
    if (output.mode() == Mode::json) files.emplace_back(to_json(file));
    if (output.mode() != Mode::json && !file.problem.empty()) output.warning(file.problem);
  };
  auto const done = follow(session, options.folder, options.progress, std::move(listener),
                           "Interrupted; what was learned is kept, and the same command goes on from there.",
                           [&](client::StoreListener const& told) { return (*client)->adopt(request, told); });
  if (!done) return session.fail(done.error());
  Fields fields{{"adopted", json::value(done->adopted)}, {"known", json::value(done->known)},   {"small", json::value(done->small)},
                {"failed", json::value(done->failed)},   {"chunks", json::value(done->chunks)}, {"bytes", json::value(done->bytes)},
                {"named", json::value(done->named)}};
  if (output.mode() == Mode::json) fields.emplace_back("files", files);
  output.result("Adopted " + count_text(done->adopted, "file") + ", " + human_size(done->bytes), fields);
  if (!done->warning.empty()) output.warning(done->warning);
  if (done->failed == 0) return ExitCode::ok;
  return session.fail(make_error(ErrorKind::io, count_text(done->failed, "file") + " of " + options.folder + " could not be adopted"));
}

}  // namespace

void add_store(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const group = add_group(registrar.root, "store", "Chunks that this host has: what is known, is it right, learn more");
  auto const act = [&registrar, options](CLI::App* app, ExitCode (*what)(Session&, Options const&), bool is_long) {
    app->callback([&registrar, options, what] {
      registrar.action = [options, what](Session& session) { return what(session, *options); };
    });
    app->add_option("--cache-dir", options->cache_dir, "Cache root to use instead of the environment's")
        ->type_name("DIR");
    if (is_long)
      app->add_flag("--progress", options->progress, "Show progress in every output form, also when stderr is not a terminal");
  };
  act(add_command(registrar, *group, "stats", "Count recipes, chunks and what they cost, and what could be learned yet",
                  "  hubctl store stats\n  hubctl store stats --json"),
      stats, false);
  act(add_command(registrar, *group, "rebuild", "Drop the chunk index and make it anew from the recipes and blobs",
                  "  hubctl store rebuild"),
      rebuild, true);
  act(add_command(registrar, *group, "verify", "Hash what the recipes describe, chunk by chunk; what is wrong is no source any more",
                  "  hubctl store verify\n  hubctl store verify --json"),
      verify, true);
  auto* const learn = add_command(registrar, *group, "adopt", "Learn the chunks of files in a folder, so that downloads copy from there",
                                  "  hubctl store adopt /data/llama\n  hubctl store adopt /data/llama --repo meta-llama/Llama-3.2-1B\n"
                                  "  hubctl store adopt /mnt/old/.cache/huggingface/hub");
  learn->add_option("folder", options->folder, "The folder; files below it, links not followed")->required()->type_name("DIR");
  learn->add_option("--repo", options->repo, "A repository with these files, to ask the Hub where it keeps their chunks (default: by the names of a cache)")
      ->type_name("REPO_ID");
  add_repo_options(*learn, options->type, options->revision);
  add_token(*learn, options->token);
  act(learn, adopt, true);
}

}  // namespace hubd::cli
