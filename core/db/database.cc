// SPDX-License-Identifier: Apache-2.0
#include "core/db/database.h"

#include <sqlite3.h>

#include <cassert>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

namespace hubd::db {
namespace {

// Only a tool that looks into the file can hold its lock, and only for a moment: one owner writes.
constexpr int kBusyTimeoutMs = 250;
constexpr std::size_t kSqlInErrorsMax = 160;

class SqliteCategory final : public std::error_category {
 public:
  [[nodiscard]] char const* name() const noexcept override { return "sqlite"; }
  [[nodiscard]] std::string message(int code) const override { return sqlite3_errstr(code); }
};

std::error_category const& sqlite_category() {
  static SqliteCategory const category;
  return category;
}

ErrorKind kind_of(int code, int system_errno) {
  switch (code & 0xff) {
    case SQLITE_FULL: return ErrorKind::disk_full;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return ErrorKind::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorKind::busy;
    case SQLITE_PERM:
    case SQLITE_READONLY: return ErrorKind::permission_denied;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      // A quota, or a full disk met in the shared index, arrives as an I/O error: only errno tells.
      if (system_errno == ENOSPC || system_errno == EDQUOT) return ErrorKind::disk_full;
      if (system_errno == EACCES || system_errno == EPERM || system_errno == EROFS) return ErrorKind::permission_denied;
      return ErrorKind::io;
    default: return ErrorKind::internal;  // constraints, SQL and misuse: what we asked for was wrong
  }
}

/// Names operation, file and reason. `operation` is SQL text with placeholders: bound values never appear.
Error failure(sqlite3* connection, int code, std::string const& operation, std::string const& path) {
  int const system_errno = sqlite3_system_errno(connection);
  return fail(kind_of(code, system_errno), operation + " in " + path + ": " + sqlite3_errmsg(connection),
              std::error_code(code, sqlite_category()));
}

std::string shortened(std::string_view sql) {
  if (sql.size() <= kSqlInErrorsMax) return std::string(sql);
  return std::string(sql.substr(0, kSqlInErrorsMax)) + "...";
}

/// A connection that closes itself unless released: open() has many ways out.
struct Close {
  void operator()(sqlite3* connection) const { sqlite3_close(connection); }
};

Result<std::int64_t> version_of(Database& database) {
  auto statement = database.prepare("PRAGMA user_version");
  if (!statement) return statement.error();
  auto const row = statement->step();
  if (!row) return row.error();
  return statement->integer(0);
}

Result<void> migrate(Database& database, std::span<char const* const> migrations, std::size_t version) {
  for (; version < migrations.size(); ++version) {
    auto transaction = Transaction::begin(database);
    if (!transaction) return transaction.error();
    auto const changed = database.execute(migrations[version]);
    if (!changed) return changed;
    auto const noted = database.execute(("PRAGMA user_version = " + std::to_string(version + 1)).c_str());
    if (!noted) return noted;
    auto const committed = transaction->commit();
    if (!committed) return committed;
  }
  return {};
}

}  // namespace

Statement::Statement(sqlite3* connection, sqlite3_stmt* statement, std::string const* path)
    : connection_(connection), statement_(statement), path_(path) {}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)), path_(other.path_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::reset() {
  sqlite3_reset(statement_);  // repeats the error of the last step, which step() has told already
  sqlite3_clear_bindings(statement_);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  int const code = sqlite3_bind_int64(statement_, index, value);
  if (code == SQLITE_NOMEM) throw std::bad_alloc();
  assert(code == SQLITE_OK && "no such parameter, or bound while stepping");
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  // A view of nothing has no address, and SQLite takes a null address for NULL.
  char const* const data = text.empty() ? "" : text.data();
  int const code = sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code == SQLITE_NOMEM) throw std::bad_alloc();
  assert(code == SQLITE_OK && "no such parameter, bound while stepping, or a text above 1 GB");
  return *this;
}

Statement& Statement::bind_null(int index) {
  [[maybe_unused]] int const code = sqlite3_bind_null(statement_, index);
  assert(code == SQLITE_OK && "no such parameter, or bound while stepping");
  return *this;
}

Result<bool> Statement::step() {
  int const code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(connection_, code, shortened(sqlite3_sql(statement_)), *path_);
}

Result<void> Statement::run() {
  auto const row = step();
  reset();  // also after a failure: a statement that is not reset keeps its lock
  if (!row) return row.error();
  assert(!*row && "run() is for statements without rows");
  return {};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
  auto const* const data = sqlite3_column_text(statement_, column);
  if (data == nullptr) return {};
  auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return {reinterpret_cast<char const*>(data), size};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

Result<std::unique_ptr<Database>> Database::open(Options const& options) {
  sqlite3* raw = nullptr;
  int const flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  int const code = sqlite3_open_v2(options.path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<sqlite3, Close> connection(raw);
  if (!connection) throw std::bad_alloc();
  if (code != SQLITE_OK) return failure(raw, code, "open database", options.path);
  // SQLite falls back to reading only, and would say so at the first write, far from here.
  if (sqlite3_db_readonly(raw, "main") == 1)
    return fail(ErrorKind::permission_denied, "open database " + options.path + ": it cannot be written",
                std::error_code(SQLITE_READONLY, sqlite_category()));
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  std::unique_ptr<Database> database(new Database(connection.release(), options.path));

  // First of all, before anything is written: is this file ours to change?
  auto const version = version_of(*database);
  if (!version) return version.error();
  if (*version < 0 || static_cast<std::uint64_t>(*version) > options.migrations.size())
    return fail(ErrorKind::not_supported, "open database " + options.path + ": its version " + std::to_string(*version) +
                                              " is of a newer hubd, this one knows " +
                                              std::to_string(options.migrations.size()) +
                                              "; start the newer hubd, or move the file away");

  // A file system without shared memory keeps SQLite's rollback journal: slower and as safe, so it is not an error.
  auto configured = database->execute("PRAGMA journal_mode = WAL; PRAGMA mmap_size = 0; PRAGMA journal_size_limit = 4194304");
  if (configured) {
    configured = database->execute(options.durability == Durability::full ? "PRAGMA synchronous = FULL"
                                                                          : "PRAGMA synchronous = NORMAL");
  }
  if (configured) configured = database->execute("PRAGMA foreign_keys = ON");
  if (!configured) return configured.error();

  auto const migrated = migrate(*database, options.migrations, static_cast<std::size_t>(*version));
  if (!migrated) return migrated.error();
  return database;
}

Result<std::unique_ptr<Database>> Database::open_disposable(Options const& options,
                                                            std::function<Result<void>(std::string const& path)> const& remove) {
  auto database = open(options);
  bool const useless = !database && (database.error().kind == ErrorKind::corrupt || database.error().kind == ErrorKind::not_supported);
  if (!useless) return database;
  for (char const* suffix : {"", "-wal", "-shm"}) {
    auto const removed = remove(options.path + suffix);
    if (!removed) return removed.error();
  }
  return open(options);
}

Database::~Database() {
  [[maybe_unused]] int const code = sqlite3_close(connection_);
  assert(code == SQLITE_OK && "a Statement outlived its Database");
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  int const code = sqlite3_prepare_v2(connection_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return failure(connection_, code, "prepare " + shortened(sql), path_);
  assert(statement != nullptr && "a statement without SQL");
  return Statement(connection_, statement, &path_);
}

Result<void> Database::execute(char const* sql) {
  int const code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(connection_, code, shortened(sql), path_);
  return {};
}

Result<Transaction> Transaction::begin(Database& database) {
  auto const begun = database.execute("BEGIN IMMEDIATE");
  if (!begun) return begun.error();
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // A full disk or an I/O error has rolled back already; then there is nothing to roll back.
  if (database_ != nullptr) (void)database_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  assert(database_ != nullptr && "commit() is for a transaction that goes on");
  auto const committed = database_->execute("COMMIT");
  if (!committed) return committed;
  database_ = nullptr;
  return {};
}

}  // namespace hubd::db
