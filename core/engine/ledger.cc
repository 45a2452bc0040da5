// SPDX-License-Identifier: Apache-2.0
#include "core/engine/ledger.h"

#include <array>

namespace hubd::engine {
namespace {

constexpr std::array<char const*, 1> migrations{
    "CREATE TABLE stamps(device INTEGER, inode INTEGER, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, etag TEXT NOT NULL,"
    " matches INTEGER NOT NULL, PRIMARY KEY(device, inode)) WITHOUT ROWID;"
    "CREATE TABLE holders(etag TEXT, path TEXT, seen INTEGER NOT NULL, PRIMARY KEY(etag, path)) WITHOUT ROWID;"};

}  // namespace

struct Ledger::Statements {
  db::Statement look;
  db::Statement record;
  db::Statement hold;
  db::Statement holders;
  db::Statement forget;
};

Ledger::Ledger(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
Ledger::~Ledger() = default;

Result<std::unique_ptr<Ledger>> Ledger::open(fs::FileSystem& files, std::string const& path) {
  db::Database::Options options;
  options.path = path;
  options.migrations = migrations;
  auto const remove = [&files](std::string const& one) { return files.remove(one); };
  auto database = db::Database::open_disposable(options, remove);
  if (!database) return database.error();
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(*database)));
  auto const prepared = ledger->prepare();
  if (!prepared) return prepared.error();
  return ledger;
}

Result<void> Ledger::prepare() {
  auto look = database_->prepare("SELECT size, mtime_ns, etag, matches FROM stamps WHERE device = ? AND inode = ?");
  if (!look) return look.error();
  auto record = database_->prepare("INSERT OR REPLACE INTO stamps VALUES(?, ?, ?, ?, ?, ?)");
  if (!record) return record.error();
  auto hold = database_->prepare(
      "INSERT OR REPLACE INTO holders SELECT ?1, ?2, 1 + coalesce(max(seen), 0) FROM holders WHERE etag = ?1");
  if (!hold) return hold.error();
  auto holders = database_->prepare("SELECT path FROM holders WHERE etag = ? ORDER BY seen DESC LIMIT 16");
  if (!holders) return holders.error();
  auto forget = database_->prepare("DELETE FROM holders WHERE etag = ? AND path = ?");
  if (!forget) return forget.error();
  statements_ = std::make_unique<Statements>(
      Statements{std::move(*look), std::move(*record), std::move(*hold), std::move(*holders), std::move(*forget)});
  return {};
}

Ledger::Verdict Ledger::look(fs::Stat const& stat, std::string const& etag) const {
  std::scoped_lock const guard(mutex_);
  auto& query = statements_->look.reset();
  query.bind(1, static_cast<std::int64_t>(stat.device)).bind(2, static_cast<std::int64_t>(stat.inode));
  auto const row = query.step();
  if (!row || !*row) return Verdict::unknown;
  bool const same = query.integer(0) == static_cast<std::int64_t>(stat.size) && query.integer(1) == stat.mtime_ns;
  auto const content = query.text(2);
  bool const this_content = content == etag;
  // A SHA-256 says nothing about a git blob id, and the other way round.
  bool const comparable = content.size() == etag.size();
  bool const matches = query.integer(3) != 0;
  query.reset();
  if (!same) return Verdict::edited;
  if (!this_content) return matches && comparable ? Verdict::wrong : Verdict::unknown;
  return matches ? Verdict::verified : Verdict::wrong;
}

std::string Ledger::content_of(fs::Stat const& stat) const {
  std::scoped_lock const guard(mutex_);
  auto& query = statements_->look.reset();
  query.bind(1, static_cast<std::int64_t>(stat.device)).bind(2, static_cast<std::int64_t>(stat.inode));
  auto const row = query.step();
  if (!row || !*row) return {};
  bool const same = query.integer(0) == static_cast<std::int64_t>(stat.size) && query.integer(1) == stat.mtime_ns;
  auto const etag = query.integer(3) != 0 ? query.text(2) : std::string();
  query.reset();
  return same ? etag : std::string();
}

void Ledger::record(fs::Stat const& stat, std::string const& etag, bool matches, std::string const& path) {
  std::scoped_lock const guard(mutex_);
  // The place first: bytes that are known are not hashed again, so nobody would learn later where they stand.
  if (matches) {
    auto const held = statements_->hold.reset().bind(1, etag).bind(2, path).run();
    if (!held) return;  // what is not recorded is hashed again
  }
  auto& write = statements_->record.reset();
  write.bind(1, static_cast<std::int64_t>(stat.device)).bind(2, static_cast<std::int64_t>(stat.inode));
  write.bind(3, static_cast<std::int64_t>(stat.size)).bind(4, stat.mtime_ns).bind(5, etag).bind(6, std::int64_t{matches});
  auto const written = write.run();
  (void)written;
}

std::vector<std::string> Ledger::holders(std::string const& etag) const {
  std::scoped_lock const guard(mutex_);
  std::vector<std::string> paths;
  auto& query = statements_->holders.reset();
  query.bind(1, etag);
  while (true) {
    auto const row = query.step();
    if (!row || !*row) break;
    paths.push_back(query.text(0));
  }
  query.reset();
  return paths;
}

void Ledger::forget(std::string const& etag, std::string const& path) {
  std::scoped_lock const guard(mutex_);
  auto const gone = statements_->forget.reset().bind(1, etag).bind(2, path).run();
  (void)gone;
}

}  // namespace hubd::engine
