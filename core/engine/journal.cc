// SPDX-License-Identifier: Apache-2.0
#include "core/engine/journal.h"

#include <array>

namespace hubd::engine {
namespace {

constexpr std::array<char const*, 3> migrations{
    "CREATE TABLE transfers(id TEXT PRIMARY KEY, uid INTEGER NOT NULL, endpoint TEXT NOT NULL, type INTEGER NOT NULL,"
    " repo TEXT NOT NULL, revision TEXT NOT NULL, commit_id TEXT NOT NULL, paths TEXT NOT NULL, local_dir TEXT NOT NULL,"
    " detached INTEGER NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;",
    "ALTER TABLE transfers ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal';",
    "ALTER TABLE transfers ADD COLUMN paused_by TEXT NOT NULL DEFAULT '';"};

/// One path per line; line breaks and backslashes inside a path are escaped.
std::string joined(std::vector<std::string> const& paths) {
  std::string text;
  for (auto const& path : paths) {
    for (char const c : path) {
      if (c == '\n' || c == '\\') text.push_back('\\');
      text.push_back(c == '\n' ? 'n' : c);
    }
    text.push_back('\n');
  }
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> paths;
  std::string path;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      paths.push_back(std::move(path));
      path.clear();
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      path.push_back(text[i] == 'n' ? '\n' : text[i]);
    } else {
      path.push_back(text[i]);
    }
  }
  return paths;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(std::string const& path) {
  db::Database::Options options;
  options.path = path;
  options.durability = db::Database::Durability::full;
  options.migrations = migrations;
  auto database = db::Database::open(options);
  if (!database) return database.error();
  return std::unique_ptr<Journal>(new Journal(std::move(*database)));
}

Result<void> Journal::put(Row const& row) {
  std::scoped_lock const guard(mutex_);
  auto statement = database_->prepare(
      "INSERT OR REPLACE INTO transfers(id, uid, endpoint, type, repo, revision, commit_id, paths, local_dir, detached, created_ms,"
      " priority, paused_by) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return statement.error();
  auto const created = std::chrono::duration_cast<std::chrono::milliseconds>(row.created.time_since_epoch()).count();
  auto const paths = joined(row.paths);
  statement->bind(1, row.id).bind(2, std::int64_t{row.principal.uid}).bind(3, row.repo.endpoint);
  statement->bind(4, static_cast<std::int64_t>(row.repo.type)).bind(5, row.repo.id).bind(6, row.revision);
  statement->bind(7, row.commit).bind(8, paths).bind(9, row.local_dir).bind(10, std::int64_t{row.detached});
  return statement->bind(11, std::int64_t{created}).bind(12, sched::name_of(row.priority)).bind(13, row.paused_by).run();
}

Result<void> Journal::set_detached(std::string const& id) {
  std::scoped_lock const guard(mutex_);
  auto statement = database_->prepare("UPDATE transfers SET detached = 1 WHERE id = ?");
  if (!statement) return statement.error();
  return statement->bind(1, id).run();
}

Result<void> Journal::set_priority(std::string const& id, sched::Priority priority) {
  std::scoped_lock const guard(mutex_);
  auto statement = database_->prepare("UPDATE transfers SET priority = ? WHERE id = ?");
  if (!statement) return statement.error();
  return statement->bind(1, sched::name_of(priority)).bind(2, id).run();
}

Result<void> Journal::remove(std::string const& id) {
  std::scoped_lock const guard(mutex_);
  auto statement = database_->prepare("DELETE FROM transfers WHERE id = ?");
  if (!statement) return statement.error();
  return statement->bind(1, id).run();
}

Result<std::vector<Journal::Row>> Journal::all() {
  std::scoped_lock const guard(mutex_);
  auto statement = database_->prepare(
      "SELECT id, uid, endpoint, type, repo, revision, commit_id, paths, local_dir, detached, created_ms, priority, paused_by"
      " FROM transfers ORDER BY id");
  if (!statement) return statement.error();
  std::vector<Row> rows;
  while (true) {
    auto const more = statement->step();
    if (!more) return more.error();
    if (!*more) return rows;
    Row row;
    row.id = statement->text(0);
    row.principal.uid = static_cast<uid_t>(statement->integer(1));
    row.repo.endpoint = statement->text(2);
    row.repo.type = static_cast<RepoType>(statement->integer(3));
    row.repo.id = statement->text(4);
    row.revision = statement->text(5);
    row.commit = statement->text(6);
    row.paths = split(statement->text(7));
    row.local_dir = statement->text(8);
    row.detached = statement->integer(9) != 0;
    row.created = WallTime(std::chrono::milliseconds(statement->integer(10)));
    row.priority = sched::priority_of(statement->text(11)).value_or(sched::Priority::normal);
    row.paused_by = statement->text(12);
    rows.push_back(std::move(row));
  }
}

}  // namespace hubd::engine
