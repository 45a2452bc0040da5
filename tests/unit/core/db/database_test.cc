// SPDX-License-Identifier: Apache-2.0
#include "core/db/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hubd::db {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::array<char const*, 2> kMigrations{
    "CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);",
    "CREATE TABLE pet (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES owner(id), name TEXT);"
    "CREATE INDEX pet_owner ON pet(owner);",
};

class DatabaseFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "hubd-db-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return (folder_ / "test.db").string(); }
  [[nodiscard]] Result<std::unique_ptr<Database>> open(std::span<char const* const> migrations = kMigrations) const {
    Database::Options options;
    options.path = path();
    options.migrations = migrations;
    return Database::open(options);
  }
  static std::string pragma(Database& database, std::string const& name) {
    auto statement = database.prepare("PRAGMA " + name);
    EXPECT_TRUE(statement);
    auto const row = statement->step();
    EXPECT_TRUE(row && *row);
    return statement->text(0);
  }
  static std::int64_t count(Database& database, std::string const& table) {
    auto statement = database.prepare("SELECT count(*) FROM " + table);
    EXPECT_TRUE(statement);
    auto const row = statement->step();
    EXPECT_TRUE(row && *row);
    return statement->integer(0);
  }
  static Result<void> add_owner(Database& database, std::int64_t id, std::string_view name) {
    auto statement = database.prepare("INSERT INTO owner (id, name) VALUES (?, ?)");
    if (!statement) return statement.error();
    return statement->bind(1, id).bind(2, name).run();
  }

  std::filesystem::path folder_;
};

TEST_F(DatabaseFile, OpensWithWalForeignKeysAndWithoutMmap) {
  auto const database = open();
  ASSERT_TRUE(database) << database.error().what;
  EXPECT_EQ(pragma(**database, "journal_mode"), "wal");
  EXPECT_EQ(pragma(**database, "foreign_keys"), "1");
  EXPECT_EQ(pragma(**database, "mmap_size"), "0");
  EXPECT_EQ(pragma(**database, "synchronous"), "1");
}

TEST_F(DatabaseFile, FullDurabilityIsSynchronousFull) {
  Database::Options options;
  options.path = path();
  options.durability = Database::Durability::full;
  auto const database = Database::open(options);
  ASSERT_TRUE(database);
  EXPECT_EQ(pragma(**database, "synchronous"), "2");
}

TEST_F(DatabaseFile, KeepsRowsAcrossReopening) {
  {
    auto const database = open();
    ASSERT_TRUE(database);
    ASSERT_TRUE(add_owner(**database, 7, "Ada"));
  }
  auto const database = open();
  ASSERT_TRUE(database) << database.error().what;
  auto statement = (*database)->prepare("SELECT id, name FROM owner");
  ASSERT_TRUE(statement);
  auto const row = statement->step();
  ASSERT_TRUE(row && *row);
  EXPECT_EQ(statement->integer(0), 7);
  EXPECT_EQ(statement->text(1), "Ada");
  auto const more = statement->step();
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
}

TEST_F(DatabaseFile, RunsOnlyTheMigrationsThatAreMissing) {
  {
    auto const old = open(std::span(kMigrations).first(1));
    ASSERT_TRUE(old);
    EXPECT_EQ(pragma(**old, "user_version"), "1");
    ASSERT_TRUE(add_owner(**old, 1, "Ada"));
  }
  auto const database = open();
  ASSERT_TRUE(database) << database.error().what;
  EXPECT_EQ(pragma(**database, "user_version"), "2");
  EXPECT_EQ(count(**database, "owner"), 1);
  EXPECT_EQ(count(**database, "pet"), 0);
}

TEST_F(DatabaseFile, AFailingMigrationLeavesTheVersionBeforeIt) {
  constexpr std::array<char const*, 2> broken{kMigrations[0], "CREATE TABLE half (id INTEGER); CREATE TABLE owner (id INTEGER);"};
  auto const failed = open(broken);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::internal);
  auto const database = open(std::span(kMigrations).first(1));
  ASSERT_TRUE(database) << database.error().what;
  EXPECT_EQ(pragma(**database, "user_version"), "1");
  EXPECT_FALSE((*database)->prepare("SELECT * FROM half"));
}

TEST_F(DatabaseFile, RefusesAFileOfANewerHubdAndLeavesItAlone) {
  { ASSERT_TRUE(open()); }
  auto const refused = open(std::span(kMigrations).first(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::not_supported);
  EXPECT_THAT(refused.error().what, HasSubstr(path()));
  EXPECT_THAT(refused.error().what, HasSubstr("newer hubd"));
  auto const database = open();
  ASSERT_TRUE(database);
  EXPECT_EQ(pragma(**database, "user_version"), "2");
}

TEST_F(DatabaseFile, SaysThatAnotherFileIsNoDatabase) {
  std::ofstream(path()) << std::string(8192, 'x');
  auto const refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(refused.error().what, HasSubstr(path()));
}

TEST_F(DatabaseFile, SaysThatAFolderIsMissing) {
  Database::Options options;
  options.path = (folder_ / "absent" / "test.db").string();
  auto const refused = Database::open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::io);
  EXPECT_THAT(refused.error().what, HasSubstr(options.path));
}

TEST_F(DatabaseFile, ASecondWriterIsBusy) {
  auto const first = open();
  auto const second = open();
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  auto const holding = Transaction::begin(**first);
  ASSERT_TRUE(holding);
  auto const refused = Transaction::begin(**second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::busy);
}

TEST_F(DatabaseFile, AFullDatabaseIsDiskFull) {
  auto const database = open();
  ASSERT_TRUE(database);
  auto const pages = pragma(**database, "page_count");
  ASSERT_TRUE((*database)->execute(("PRAGMA max_page_count = " + pages).c_str()));
  auto const refused = add_owner(**database, 1, std::string(100'000, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::disk_full);
}

TEST_F(DatabaseFile, AnUnwritableFileIsPermissionDenied) {
  { ASSERT_TRUE(open()); }
  ASSERT_EQ(::chmod(path().c_str(), 0444), 0);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  // In a child, as nobody: root passes every permission bit.
  auto const try_to_open = [this] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    auto const refused = open();
    ::_exit(!refused && refused.error().kind == ErrorKind::permission_denied ? 0 : 1);
  };
  EXPECT_EXIT(try_to_open(), ::testing::ExitedWithCode(0), "");
}

TEST_F(DatabaseFile, ErrorsNameFileAndSqlButNoBoundValue) {
  auto const database = open();
  ASSERT_TRUE(database);
  ASSERT_TRUE(add_owner(**database, 1, "hf_secret"));
  auto const twice = add_owner(**database, 2, "hf_secret");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::internal);
  EXPECT_THAT(twice.error().what, HasSubstr(path()));
  EXPECT_THAT(twice.error().what, HasSubstr("INSERT INTO owner"));
  EXPECT_THAT(twice.error().what, Not(HasSubstr("hf_secret")));
  EXPECT_STREQ(twice.error().cause.category().name(), "sqlite");
  EXPECT_THAT(twice.error().cause.message(), HasSubstr("constraint"));
}

TEST_F(DatabaseFile, ForeignKeysHold) {
  auto const database = open();
  ASSERT_TRUE(database);
  auto const orphan = (*database)->execute("INSERT INTO pet (owner, name) VALUES (99, 'Rex')");
  ASSERT_FALSE(orphan);
  EXPECT_EQ(count(**database, "pet"), 0);
}

TEST_F(DatabaseFile, ATransactionThatIsNotCommittedLeavesNothing) {
  auto const database = open();
  ASSERT_TRUE(database);
  {
    auto const transaction = Transaction::begin(**database);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(add_owner(**database, 1, "Ada"));
  }
  EXPECT_EQ(count(**database, "owner"), 0);
  {
    auto transaction = Transaction::begin(**database);
    ASSERT_TRUE(transaction);
    Transaction moved(std::move(*transaction));
    ASSERT_TRUE(add_owner(**database, 1, "Ada"));
    ASSERT_TRUE(moved.commit());
  }
  EXPECT_EQ(count(**database, "owner"), 1);
}

TEST_F(DatabaseFile, BindsNumbersTextsAndNulls) {
  auto const database = open();
  ASSERT_TRUE(database);
  ASSERT_TRUE((*database)->execute("CREATE TABLE row (id INTEGER PRIMARY KEY, n INTEGER, t TEXT)"));
  auto insert = (*database)->prepare("INSERT INTO row VALUES (?, ?, ?)");
  ASSERT_TRUE(insert);
  ASSERT_TRUE(insert->bind(1, std::int64_t{1}).bind(2, INT64_MIN).bind(3, std::string_view("a\0b", 3)).run());
  ASSERT_TRUE(insert->bind(1, std::int64_t{2}).bind_null(2).bind(3, std::string_view()).run());
  ASSERT_TRUE(insert->bind(1, std::int64_t{3}).run()) << "run() forgets the bindings of the row before";

  auto select = (*database)->prepare("SELECT n, t FROM row WHERE id = ?");
  ASSERT_TRUE(select);
  auto row = select->bind(1, std::int64_t{1}).step();
  ASSERT_TRUE(row && *row);
  EXPECT_EQ(select->integer(0), INT64_MIN);
  EXPECT_EQ(select->text(1), std::string("a\0b", 3));
  row = select->reset().bind(1, std::int64_t{2}).step();
  ASSERT_TRUE(row && *row);
  EXPECT_TRUE(select->is_null(0));
  EXPECT_FALSE(select->is_null(1));
  EXPECT_EQ(select->text(1), "");
  row = select->reset().bind(1, std::int64_t{3}).step();
  ASSERT_TRUE(row && *row);
  EXPECT_TRUE(select->is_null(0));
  EXPECT_TRUE(select->is_null(1));
}

TEST_F(DatabaseFile, SqlThatIsWrongIsOurBug) {
  auto const database = open();
  ASSERT_TRUE(database);
  auto const statement = (*database)->prepare("SELEKT 1");
  ASSERT_FALSE(statement);
  EXPECT_EQ(statement.error().kind, ErrorKind::internal);
  EXPECT_THAT(statement.error().what, HasSubstr("SELEKT"));
}

TEST(Database, LivesInMemoryForTests) {
  Database::Options options;
  options.path = ":memory:";
  options.migrations = kMigrations;
  auto const database = Database::open(options);
  ASSERT_TRUE(database) << database.error().what;
  EXPECT_TRUE((*database)->execute("INSERT INTO owner VALUES (1, 'Ada')"));
}

}  // namespace
}  // namespace hubd::db
