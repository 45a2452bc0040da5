// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hubd::db {

/// A prepared statement. Bind from 1, step, read columns from 0. One thread at a time. Dies before its Database.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();
  /// Forgets the bindings and begins again.
  Statement& reset();
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_null(int index);
  /// True: a row is there. Fails: io, disk_full, corrupt, busy.
  Result<bool> step();
  /// Steps a statement that returns no row, then resets it.
  Result<void> run();
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  Statement(sqlite3* connection, sqlite3_stmt* statement, std::string const* path);
  sqlite3* connection_;
  sqlite3_stmt* statement_;
  std::string const* path_;  // of the database, for errors
};

/// One SQLite file: WAL, no mmap, migrated on open. One connection, one thread at a time (the owner's disk strand).
class Database {
 public:
  enum class Durability : std::uint8_t {
    full,    ///< synchronous=FULL: a commit survives lost power
    normal,  ///< may lose the last commits on lost power, never consistency
  };
  struct Options {
    std::string path;  ///< ":memory:" in tests
    Durability durability = Durability::normal;
    /// migrations[i] takes the schema from version i to i+1 (PRAGMA user_version). Each runs in its own transaction.
    std::span<char const* const> migrations;
  };
  /// Fails: io, permission_denied, disk_full, corrupt (not a database), not_supported (a newer hubd wrote it; says so).
  static Result<std::unique_ptr<Database>> open(Options const& options);
  /// The same for what is derived from elsewhere: a file that is no database, or of a newer hubd, is begun anew. `remove`
  /// takes a path; absent is fine.
  static Result<std::unique_ptr<Database>> open_disposable(Options const& options,
                                                           std::function<Result<void>(std::string const& path)> const& remove);
  ~Database();
  Database(Database const&) = delete;
  Database& operator=(Database const&) = delete;

  Result<Statement> prepare(std::string_view sql);
  /// Runs SQL without parameters or rows.
  Result<void> execute(char const* sql);
  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  Database(sqlite3* connection, std::string path) : connection_(connection), path_(std::move(path)) {}
  sqlite3* connection_;
  std::string path_;
};

/// BEGIN IMMEDIATE now, ROLLBACK when destroyed before commit().
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null once ended
};

}  // namespace hubd::db
