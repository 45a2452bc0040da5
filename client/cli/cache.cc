// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <tuple>

#include "client/cli/cache_filter.h"
#include "client/cli/commands.h"
#include "client/cli/text.h"

namespace hubd::cli {
namespace {

namespace json = boost::json;
using client::ErrorKind;
using client::make_error;

struct Options {
  std::string cache_dir;
  std::string local_dir;
  std::string repo;
  std::string type;
  std::string revision;
  std::string token;
  std::vector<std::string> filters;
  std::vector<std::string> targets;
  std::string sort;
  int limit = -1;
  bool revisions = false;
  bool show_warnings = false;
  bool yes = false;
  bool dry_run = false;
  bool fail_on_missing = false;
  bool fail_on_extra = false;
};

std::int64_t unix_now() {
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

json::array to_json(std::vector<std::string> const& texts) {
  json::array array;
  for (auto const& text : texts) array.emplace_back(text);
  return array;
}

std::vector<CacheRow> rows_of(client::CacheScan const& scan, bool revisions) {
  std::vector<CacheRow> rows;
  for (auto const& repo : scan.repos) {
    CacheRow row;
    row.type = type_name(repo.type);
    row.repo_id = repo.id;
    row.id = row.type + "/" + repo.id;
    row.accessed_unix = repo.accessed_unix;
    if (revisions) {
      for (auto const& revision : repo.revisions) {
        auto one = row;
        one.revision = revision.commit;
        one.snapshot_path = revision.snapshot_path;
        one.size = revision.size;
        one.modified_unix = revision.modified_unix;
        one.refs = revision.refs;
        rows.push_back(std::move(one));
      }
      continue;
    }
    row.size = repo.size;
    row.modified_unix = repo.modified_unix;
    for (auto const& revision : repo.revisions)
      row.refs.insert(row.refs.end(), revision.refs.begin(), revision.refs.end());
    std::sort(row.refs.begin(), row.refs.end());
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(),
            [](auto const& a, auto const& b) { return std::tie(a.id, a.revision) < std::tie(b.id, b.revision); });
  return rows;
}

json::value age(std::int64_t when, std::int64_t now) {
  return when == 0 ? json::value("") : json::value(age_text(now - when));
}

Table table_of(std::vector<CacheRow> const& rows, bool revisions, std::int64_t now) {
  Table table;
  if (revisions)
    table.columns = {"id", "revision", "size", "last_modified", "refs"};
  else
    table.columns = {"id", "size", "last_accessed", "last_modified", "refs"};
  table.right = {"size"};
  for (auto const& row : rows) {
    json::object item;
    item["id"] = row.id;
    item["repo_id"] = row.repo_id;
    item["repo_type"] = row.type;
    std::vector<json::value> cells;
    cells.reserve(table.columns.size());
    cells.emplace_back(row.id);
    if (revisions) {
      item["revision"] = row.revision;
      item["snapshot_path"] = row.snapshot_path;
      cells.emplace_back(row.revision);
    }
    item["size"] = compact_size(row.size);
    cells.emplace_back(compact_size(row.size));
    if (!revisions) {
      item["last_accessed"] = age(row.accessed_unix, now);
      cells.push_back(age(row.accessed_unix, now));
    }
    item["last_modified"] = age(row.modified_unix, now);
    cells.push_back(age(row.modified_unix, now));
    item["refs"] = to_json(row.refs);
    cells.emplace_back(to_json(row.refs));
    table.rows.push_back(std::move(cells));
    table.items.emplace_back(std::move(item));
    table.quiet.push_back(revisions ? row.revision : row.id);
  }
  return table;
}

void show_summary(Session& session, client::CacheScan const& scan, std::vector<CacheRow> const& rows,
                  Options const& options) {
  bool const whole = options.filters.empty() && options.limit < 0;
  std::uint64_t size = 0;
  std::uint64_t revisions = 0;
  std::vector<std::string> repos;
  for (auto const& row : rows) {
    size += row.size;
    repos.push_back(row.id);
  }
  std::sort(repos.begin(), repos.end());
  repos.erase(std::unique(repos.begin(), repos.end()), repos.end());
  for (auto const& repo : scan.repos)
    if (std::binary_search(repos.begin(), repos.end(), std::string(type_name(repo.type)) + "/" + repo.id))
      revisions += repo.revisions.size();
  if (options.revisions) revisions = rows.size();
  session.output().text("");
  session.output().text("Found " + std::to_string(repos.size()) + " repo(s) for a total of " +
                        std::to_string(revisions) + " revision(s) and " + compact_size(whole ? scan.size : size) +
                        " on disk.");
}

ExitCode list(Session& session, Options const& options) {
  std::vector<CacheFilter> filters;
  for (auto const& text : options.filters) {
    auto filter = CacheFilter::parse(text);
    if (!filter) return session.usage(filter.error());
    filters.push_back(*filter);
  }
  std::vector<CacheRow> none;
  if (!options.sort.empty())
    if (auto const checked = sort_rows(none, options.sort); !checked) return session.usage(checked.error());
  auto const caller = session.caller(options.cache_dir);
  auto const client = session.connect(caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const scan = (*client)->scan_cache(caller, true);
  if (!scan) return session.fail(scan.error());

  auto const now = unix_now();
  auto rows = rows_of(*scan, options.revisions);
  std::erase_if(rows, [&](CacheRow const& row) {
    return !std::all_of(filters.begin(), filters.end(), [&](auto const& filter) { return filter.matches(row, now); });
  });
  if (!options.sort.empty())
    if (auto const sorted = sort_rows(rows, options.sort); !sorted) return session.usage(sorted.error());
  if (options.limit >= 0 && rows.size() > static_cast<std::size_t>(options.limit))
    rows.resize(static_cast<std::size_t>(options.limit));

  auto& output = session.output();
  output.table(table_of(rows, options.revisions, now));
  if (!rows.empty()) show_summary(session, *scan, rows, options);
  if (!scan->warnings.empty()) {
    if (options.show_warnings)
      for (auto const& warning : scan->warnings) output.warning(warning);
    else
      output.warning("the cache has " + std::to_string(scan->warnings.size()) + " inconsistencies" +
                     "; --show-warnings lists them");
  }
  if (!scan->incomplete_files.empty())
    output.hint(count_text(scan->incomplete_files.size(), "incomplete download") +
                " of other programs lie in the cache; `hubctl cache prune` removes them");
  return ExitCode::ok;
}

void list_repos(Output& output, std::vector<client::RemovedRepo> const& repos) {
  for (auto const& repo : repos) {
    output.text("  - " + std::string(type_name(repo.type)) + "/" + printable(repo.id) +
                (repo.entire ? " (entire repo)" : ":"));
    if (repo.entire) continue;
    for (auto const& revision : repo.revisions)
      output.text("      " + revision.commit + " [" +
                  (revision.refs.empty() ? "(detached)" : printable(join(revision.refs, ", "))) + "] " +
                  compact_size(revision.size));
  }
}

void announce(Output& output, client::Removal const& removal) {
  auto const size = compact_size(removal.bytes_freed);
  if (removal.files_deleted > 0) {
    output.text("About to delete " + std::to_string(removal.files_deleted) + " file(s) totalling " + size + ".");
    return;
  }
  std::uint64_t entire = 0;
  std::uint64_t loose = 0;  // revisions of repos that stay
  for (auto const& repo : removal.repos) (repo.entire ? entire : loose) += repo.entire ? 1 : repo.revisions.size();
  std::vector<std::string> parts;
  if (entire > 0) parts.push_back(std::to_string(entire) + " repo(s)");
  if (loose > 0) parts.push_back(std::to_string(loose) + " revision(s)");
  output.text("About to delete " + join(parts, " and ") + " totalling " + size + ".");
  list_repos(output, removal.repos);
}

/// Asks unless --yes was given; nullopt: go on.
std::optional<ExitCode> declined(Session& session, Options const& options) {
  if (options.yes) return std::nullopt;
  auto const agreed = session.confirm("Proceed?");
  if (!agreed) return session.fail(agreed.error());
  if (!*agreed) return session.fail(make_error(ErrorKind::bad_request, "aborted; nothing was deleted"));
  return std::nullopt;
}

/// Says what could not be removed; the exit code of the whole.
ExitCode ended(Session& session, std::vector<std::string> const& problems) {
  for (auto const& problem : problems) session.output().warning(problem);
  if (problems.empty()) return ExitCode::ok;
  return session.fail(make_error(ErrorKind::io, count_text(problems.size(), "path") + " could not be removed"));
}

ExitCode remove(Session& session, Options const& options) {
  client::RemoveRequest request;
  request.caller = session.caller(options.cache_dir);
  request.targets = options.targets;
  request.dry_run = true;
  auto const client = session.connect(request.caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const look = (*client)->remove_cache(request);
  if (!look) return session.fail(look.error());
  auto& output = session.output();
  if (!look->unknown_targets.empty()) output.warning("Could not find in cache: " + join(look->unknown_targets, ", "));
  bool const files = look->files_deleted > 0;
  if (look->repos_deleted + look->revisions_deleted + look->files_deleted == 0) {
    output.text("Nothing to delete.");
    if (output.mode() == Mode::json && !session.as_hf())
      output.object({{"repos_deleted", json::value(0)},
                     {"revisions_deleted", json::value(0)},
                     {"freed", json::value(compact_size(0))}});
    return ExitCode::ok;
  }
  announce(output, *look);
  if (options.dry_run) {
    Fields fields{{"dry_run", json::value(true)}};
    if (files) {
      fields.emplace_back("files", look->files_deleted);
    } else {
      fields.emplace_back("repos", look->repos_deleted);
      fields.emplace_back("revisions", look->revisions_deleted);
    }
    fields.emplace_back("size", compact_size(look->bytes_freed));
    output.result("Dry run: no files were deleted.", fields);
    return ExitCode::ok;
  }
  if (auto const code = declined(session, options)) return *code;
  request.dry_run = false;
  auto const done = (*client)->remove_cache(request);
  if (!done) return session.fail(done.error());
  auto const freed = compact_size(done->bytes_freed);
  if (files)
    output.result("Deleted " + std::to_string(done->files_deleted) + " file(s); freed " + freed + ".",
                  {{"files_deleted", json::value(done->files_deleted)}, {"freed", json::value(freed)}});
  else
    output.result("Deleted " + std::to_string(done->repos_deleted) + " repo(s) and " +
                      std::to_string(done->revisions_deleted) + " revision(s); freed " + freed + ".",
                  {{"repos_deleted", json::value(done->repos_deleted)},
                   {"revisions_deleted", json::value(done->revisions_deleted)},
                   {"freed", json::value(freed)}});
  return ended(session, done->problems);
}

/// "2 revision(s), 1 incomplete download(s)"; "" when there is nothing.
std::string amounts(client::Pruned const& pruned) {
  std::vector<std::string> parts;
  auto const add = [&](std::uint64_t count, char const* what) {
    if (count > 0) parts.push_back(std::to_string(count) + " " + what);
  };
  add(pruned.revisions_deleted, "revision(s)");
  add(pruned.incomplete_deleted, "incomplete download(s)");
  add(pruned.shared_blobs_deleted, "unused shared blob(s)");
  return join(parts, ", ");
}

Fields fields_of(client::Pruned const& pruned, bool dry_run) {
  auto const size = compact_size(pruned.bytes_freed);
  if (dry_run)
    return {{"dry_run", json::value(true)},
            {"revisions", json::value(pruned.revisions_deleted)},
            {"incomplete", json::value(pruned.incomplete_deleted)},
            {"shared_blobs", json::value(pruned.shared_blobs_deleted)},
            {"size", json::value(size)}};
  return {{"revisions_deleted", json::value(pruned.revisions_deleted)},
          {"incomplete_deleted", json::value(pruned.incomplete_deleted)},
          {"shared_blobs_deleted", json::value(pruned.shared_blobs_deleted)},
          {"freed", json::value(size)}};
}

ExitCode prune(Session& session, Options const& options) {
  client::PruneRequest request;
  request.caller = session.caller(options.cache_dir);
  request.dry_run = true;
  auto const client = session.connect(request.caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const look = (*client)->prune_cache(request);
  if (!look) return session.fail(look.error());
  auto& output = session.output();
  auto const found = amounts(*look);
  if (found.empty()) {
    output.text("Nothing to delete.");
    if (output.mode() == Mode::json && !session.as_hf()) output.object(fields_of(*look, options.dry_run));
    return ExitCode::ok;
  }
  output.text("About to delete " + found + " totalling " + compact_size(look->bytes_freed) + ".");
  list_repos(output, look->repos);
  if (options.dry_run) {
    output.result("Dry run: no files were deleted.", fields_of(*look, true));
    return ExitCode::ok;
  }
  if (auto const code = declined(session, options)) return *code;
  request.dry_run = false;
  auto const done = (*client)->prune_cache(request);
  if (!done) return session.fail(done.error());
  auto const deleted = amounts(*done);
  output.result("Deleted " + (deleted.empty() ? std::string("nothing") : deleted) + "; freed " +
                    compact_size(done->bytes_freed) + ".",
                fields_of(*done, false));
  return ended(session, done->problems);
}

ExitCode show(Session& session, client::Repo const& repo, client::Verification const& found, Options const& options) {
  auto& output = session.output();
  for (auto const& file : found.mismatches)
    output.text("mismatch  " + printable(file.path) + "  expected " + file.expected + ", found " + file.actual);
  bool const missing = options.fail_on_missing && !found.missing.empty();
  bool const extra = options.fail_on_extra && !found.extra.empty();
  if (missing)
    for (auto const& path : found.missing) output.text("missing   " + printable(path));
  if (extra)
    for (auto const& path : found.extra) output.text("extra     " + printable(path));
  Fields fields{{"repo_id", json::value(repo.id)},
                {"repo_type", json::value(type_name(repo.type))},
                {"checked", json::value(found.checked)},
                {"path", json::value(found.path)}};
  if (found.mismatches.empty() && !missing && !extra) {
    output.result("Verified " + std::to_string(found.checked) + " file(s) for " + std::string(type_name(repo.type)) +
                      " '" + repo.id + "'. All checksums match.",
                  fields);
    if (!found.missing.empty())
      output.hint(count_text(found.missing.size(), "file") +
                  " of the Hub are not here; --fail-on-missing-files makes that an error");
    if (!found.extra.empty())
      output.hint(count_text(found.extra.size(), "file") +
                  " here are not of the Hub; --fail-on-extra-files makes that an error");
    return ExitCode::ok;
  }
  if (output.mode() == Mode::json) {
    json::array mismatches;
    for (auto const& file : found.mismatches) {
      json::object item;
      item["path"] = file.path;
      item["expected"] = file.expected;
      item["actual"] = file.actual;
      mismatches.emplace_back(std::move(item));
    }
    fields.emplace_back("mismatches", mismatches);
    fields.emplace_back("missing", to_json(found.missing));
    fields.emplace_back("extra", to_json(found.extra));
    output.object(fields);
  }
  std::vector<std::string> parts;
  if (!found.mismatches.empty()) {
    std::vector<std::string> names;
    for (auto const& file : found.mismatches) names.push_back(file.path);
    parts.push_back("wrong bytes in " + join(names, ", "));
  }
  if (missing) parts.push_back(count_text(found.missing.size(), "missing file"));
  if (extra) parts.push_back(count_text(found.extra.size(), "extra file"));
  return session.fail(make_error(ErrorKind::corrupt, "verification of " + std::string(type_name(repo.type)) + " " +
                                                         repo.id + " failed: " + join(parts, "; ") +
                                                         " (`hubctl download --force-download` fetches again)"));
}

ExitCode verify(Session& session, Options const& options) {
  if (!options.cache_dir.empty() && !options.local_dir.empty())
    return session.usage("give --local-dir or --cache-dir, not both");
  auto const name = parse_repo_at(options.repo, options.type, options.revision);
  if (!name) return session.usage(name.error());
  session.warn_about_token(options.token);
  client::VerifyRequest request;
  request.caller = session.caller(options.cache_dir, options.token);
  request.repo = name->repo;
  if (!options.local_dir.empty()) request.local_dir = session.absolute(options.local_dir);
  auto const client = session.connect(request.caller.cache_root);
  if (!client) return session.fail(client.error());
  auto const found = (*client)->verify_cache(request);
  return found ? show(session, request.repo, *found, options) : session.fail(found.error());
}

}  // namespace

void add_cache(Registrar& registrar) {
  auto const options = std::make_shared<Options>();
  auto* const group = add_group(registrar.root, "cache", "The cache on disk: list, remove, prune, verify");
  auto const act = [&registrar, options](CLI::App* app, ExitCode (*what)(Session&, Options const&)) {
    app->callback([&registrar, options, what] {
      registrar.action = [options, what](Session& session) { return what(session, *options); };
    });
    app->add_option("--cache-dir", options->cache_dir, "Cache root to use instead of the environment's")
        ->type_name("DIR");
  };
  auto* const ls =
      add_command(registrar, *group, "list", "List the cached repositories, or their revisions",
                  "  hubctl cache ls --sort size --limit 10\n  hubctl cache ls --revisions --filter \"accessed>30d\"");
  ls->alias("ls");
  ls->add_flag("--revisions,!--no-revisions", options->revisions, "One row for each revision");
  add_list(
      *ls, "-f,--filter", options->filters,
      "KEY OP VALUE with size, accessed, modified, type or refs, such as \"size>1GB\" (repeatable, all must hold)");
  ls->add_option("--sort", options->sort, "accessed, modified, size or name, with :asc or :desc")->type_name("KEY");
  ls->add_option("--limit", options->limit, "Maximum number of rows")->type_name("INT")->check(CLI::NonNegativeNumber);
  ls->add_flag("--show-warnings,!--no-show-warnings", options->show_warnings, "List what is inconsistent in the cache");
  act(ls, list);
  auto* const rm = add_command(registrar, *group, "rm", "Delete repositories, revisions or files from the cache",
                               "  hubctl cache rm model/gpt2\n  hubctl cache rm hf://datasets/google/fleurs --dry-run\n"
                               "  hubctl cache rm 607a30d783dfa663caf39e06633721c8d4cfcd7e --yes");
  rm->add_option("targets", options->targets, "model/ns/name, an hf:// URI of a repository or file, or a full commit")
      ->required()
      ->type_name("TARGETS");
  rm->add_flag("-y,--yes", options->yes, "Do not ask");
  rm->add_flag("--dry-run,!--no-dry-run", options->dry_run, "Say what would be deleted and change nothing");
  act(rm, remove);
  auto* const clean = add_command(
      registrar, *group, "prune",
      "Delete revisions without a branch or tag, leftovers of broken downloads, and shared blobs that nobody uses",
      "  hubctl cache prune --dry-run\n  hubctl cache prune --yes");
  clean->add_flag("-y,--yes", options->yes, "Do not ask");
  clean->add_flag("--dry-run,!--no-dry-run", options->dry_run, "Say what would be deleted and change nothing");
  act(clean, prune);
  auto* const check =
      add_command(registrar, *group, "verify", "Hash the files here and compare them with the Hub's listing",
                  "  hubctl cache verify gpt2\n  hubctl cache verify gpt2 --local-dir ./gpt2 --fail-on-missing-files");
  check->add_option("repo_id", options->repo, "The repository")->required()->type_name("REPO_ID");
  add_repo_options(*check, options->type, options->revision);
  check->add_option("--local-dir", options->local_dir, "Check the plain files of this folder")->type_name("DIR");
  check->add_flag("--fail-on-missing-files", options->fail_on_missing, "A file that is not here is a failure");
  check->add_flag("--fail-on-extra-files", options->fail_on_extra, "A file that the Hub does not list is a failure");
  check->add_option("--token", options->token, "Access token for this call instead of the stored one")
      ->type_name("TEXT");
  act(check, verify);
}

}  // namespace hubd::cli
