// SPDX-License-Identifier: Apache-2.0
#include "core/store/chunk_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

namespace hubd::store {
namespace {

constexpr std::array<char const*, 1> migrations{
    "CREATE TABLE contents(id INTEGER PRIMARY KEY AUTOINCREMENT, etag TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, chunks INTEGER NOT NULL);"
    "CREATE TABLE runs(w0 INTEGER, w1 INTEGER, first INTEGER, content INTEGER, term INTEGER, past INTEGER NOT NULL, ordinal INTEGER NOT NULL,"
    " place INTEGER NOT NULL, PRIMARY KEY(w0, w1, first, content, term)) WITHOUT ROWID;"
    "CREATE INDEX runs_of ON runs(content);"
    "CREATE TABLE samples(w0 INTEGER, content INTEGER, ordinal INTEGER, PRIMARY KEY(w0, content, ordinal)) WITHOUT ROWID;"};

constexpr std::int64_t rows_max = 1024;  // of one question; a xorb that a thousand contents share is covered by fewer
constexpr std::uint64_t tidy_parts = 64;  // lookups come in between
static_assert(std::has_single_bit(tidy_parts));

std::int64_t as_column(std::uint64_t word) { return static_cast<std::int64_t>(word); }

}  // namespace

struct ChunkIndex::Statements {
  db::Statement insert_content;
  db::Statement find_content;
  db::Statement insert_run;
  db::Statement insert_sample;
  db::Statement delete_runs;
  db::Statement delete_content;
  db::Statement runs;
  db::Statement places;
};

ChunkIndex::ChunkIndex(fs::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
ChunkIndex::~ChunkIndex() = default;

Result<std::unique_ptr<ChunkIndex>> ChunkIndex::open(fs::FileSystem& files, std::string const& path) {
  std::unique_ptr<ChunkIndex> index(new ChunkIndex(files, path));
  auto const opened = index->open_database(path);
  if (!opened) return opened.error();
  return index;
}

Result<void> ChunkIndex::open_database(std::string const& path) {
  db::Database::Options options;
  options.path = path;
  options.migrations = migrations;
  auto const remove = [this](std::string const& one) { return files_.remove(one); };
  auto database = db::Database::open_disposable(options, remove);
  if (!database) return database.error();
  database_ = std::move(*database);
  return prepare();
}

Result<void> ChunkIndex::reset() {
  std::scoped_lock const guard(mutex_);
  statements_.reset();
  database_.reset();
  Result<void> removed;
  for (auto const* const suffix : {"", "-wal", "-shm"})
    if (removed && path_ != ":memory:") removed = files_.remove(path_ + suffix);
  auto const opened = open_database(path_);
  if (opened && removed) return {};
  if (!opened) (void)open_database(":memory:");  // whoever comes next needs one
  return opened ? removed : opened;
}

Result<void> ChunkIndex::prepare() {
  auto insert_content = database_->prepare("INSERT INTO contents(etag, size, chunks) VALUES(?, ?, ?)");
  if (!insert_content) return insert_content.error();
  auto find_content = database_->prepare("SELECT id FROM contents WHERE etag = ?");
  if (!find_content) return find_content.error();
  auto insert_run = database_->prepare("INSERT OR REPLACE INTO runs VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
  if (!insert_run) return insert_run.error();
  auto insert_sample = database_->prepare("INSERT OR REPLACE INTO samples VALUES(?, ?, ?)");
  if (!insert_sample) return insert_sample.error();
  auto delete_runs = database_->prepare("DELETE FROM runs WHERE content = ?");
  if (!delete_runs) return delete_runs.error();
  auto delete_content = database_->prepare("DELETE FROM contents WHERE id = ?");
  if (!delete_content) return delete_content.error();
  auto runs = database_->prepare(
      "SELECT contents.etag, term, first, past, ordinal, place FROM runs JOIN contents ON contents.id = content"
      " WHERE w0 = ? AND w1 = ? AND first < ? AND past > ? ORDER BY past - first DESC LIMIT ?");
  if (!runs) return runs.error();
  auto places = database_->prepare(
      "SELECT contents.etag, ordinal FROM samples JOIN contents ON contents.id = content WHERE w0 = ? LIMIT ?");
  if (!places) return places.error();
  statements_ = std::make_unique<Statements>(Statements{std::move(*insert_content), std::move(*find_content), std::move(*insert_run),
                                                        std::move(*insert_sample), std::move(*delete_runs), std::move(*delete_content),
                                                        std::move(*runs), std::move(*places)});
  return {};
}

Result<void> ChunkIndex::add(Recipe const& recipe) {
  std::scoped_lock const guard(mutex_);
  auto transaction = db::Transaction::begin(*database_);
  if (!transaction) return transaction.error();
  auto const removed = remove_rows(recipe.id.etag());
  if (!removed) return removed;
  auto const added = add_rows(recipe);
  if (!added) return added;
  return transaction->commit();
}

Result<void> ChunkIndex::add_rows(Recipe const& recipe) {
  auto& insert = statements_->insert_content.reset();
  insert.bind(1, recipe.id.etag()).bind(2, as_column(recipe.size)).bind(3, as_column(recipe.chunks.size()));
  auto const inserted = insert.run();
  if (!inserted) return inserted;
  auto& find = statements_->find_content.reset().bind(1, recipe.id.etag());
  auto const row = find.step();
  if (!row) return row.error();
  auto const content = find.integer(0);
  find.reset();

  std::size_t ordinal = 0;
  Bytes offset = 0;
  std::int64_t number = 0;
  for (auto const& term : recipe.terms) {
    auto& run = statements_->insert_run.reset();  // of unknown terms too: they say that somebody was asked
    run.bind(1, as_column(term.xorb.word(0))).bind(2, as_column(term.xorb.word(1))).bind(3, std::int64_t{term.first}).bind(4, content);
    run.bind(5, number++).bind(6, std::int64_t{term.end}).bind(7, as_column(ordinal)).bind(8, as_column(offset));
    auto const done = run.run();
    if (!done) return done;
    for (auto i = term.first; i < term.end && ordinal < recipe.chunks.size(); ++i) offset += recipe.chunks[ordinal++].length;
  }
  // In the table's own order: a page that takes several is touched once.
  std::vector<std::pair<std::int64_t, std::size_t>> samples;
  for (std::size_t i = 0; i < recipe.chunks.size(); ++i)
    if (is_sampled(recipe.chunks[i].hash)) samples.emplace_back(as_column(recipe.chunks[i].hash.word(0)), i);
  std::sort(samples.begin(), samples.end());
  for (auto const& [word, place] : samples) {
    auto& sample = statements_->insert_sample.reset();
    sample.bind(1, word).bind(2, content).bind(3, as_column(place));
    auto const done = sample.run();
    if (!done) return done;
  }
  return {};
}

Result<void> ChunkIndex::remove(std::string const& etag) {
  std::scoped_lock const guard(mutex_);
  auto transaction = db::Transaction::begin(*database_);
  if (!transaction) return transaction.error();
  auto const removed = remove_rows(etag);
  if (!removed) return removed;
  return transaction->commit();
}

Result<void> ChunkIndex::remove_rows(std::string const& etag) {
  auto& find = statements_->find_content.reset().bind(1, etag);
  auto const row = find.step();
  if (!row) return row.error();
  if (!*row) {
    find.reset();
    return {};
  }
  auto const content = find.integer(0);
  find.reset();
  auto const runs = statements_->delete_runs.reset().bind(1, content).run();
  if (!runs) return runs;
  // Samples of a content that is no more join to nothing, and its number is never given again; tidy() removes them.
  return statements_->delete_content.reset().bind(1, content).run();
}

Result<std::vector<ChunkIndex::Run>> ChunkIndex::runs(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const {
  std::scoped_lock const guard(mutex_);
  auto& query = statements_->runs.reset();
  query.bind(1, as_column(xorb.word(0))).bind(2, as_column(xorb.word(1))).bind(3, std::int64_t{end}).bind(4, std::int64_t{first}).bind(5, rows_max);
  std::vector<Run> found;
  while (true) {
    auto const row = query.step();
    if (!row) return row.error();
    if (!*row) break;
    found.push_back({query.text(0), static_cast<std::uint32_t>(query.integer(1)), static_cast<std::uint32_t>(query.integer(2)),
                     static_cast<std::uint32_t>(query.integer(3)), static_cast<std::uint32_t>(query.integer(4)),
                     static_cast<Bytes>(query.integer(5))});
  }
  query.reset();
  return found;
}

Result<std::vector<ChunkIndex::Place>> ChunkIndex::places(xet::MerkleHash const& chunk) const {
  std::scoped_lock const guard(mutex_);
  auto& query = statements_->places.reset();
  query.bind(1, as_column(chunk.word(0))).bind(2, rows_max);
  std::vector<Place> found;
  while (true) {
    auto const row = query.step();
    if (!row) return row.error();
    if (!*row) break;
    found.push_back({query.text(0), static_cast<std::uint32_t>(query.integer(1))});
  }
  query.reset();
  return found;
}

Result<void> ChunkIndex::tidy() {
  for (std::uint64_t part = 0; part < tidy_parts; ++part) {
    std::scoped_lock const guard(mutex_);
    auto statement = database_->prepare("DELETE FROM samples WHERE w0 BETWEEN ? AND ? AND content NOT IN (SELECT id FROM contents)");
    if (!statement) return statement.error();
    constexpr auto width = std::numeric_limits<std::uint64_t>::max() / tidy_parts + 1;
    auto const first = as_column(part * width + (std::uint64_t{1} << 63U));  // columns are signed: from the least on
    auto const done = statement->bind(1, first).bind(2, first + static_cast<std::int64_t>(width - 1)).run();
    if (!done) return done;
  }
  return {};
}

Result<std::vector<std::string>> ChunkIndex::unnamed(std::size_t count) const {
  std::scoped_lock const guard(mutex_);
  auto query = database_->prepare(
      "SELECT etag FROM contents WHERE chunks > 0 AND NOT EXISTS (SELECT 1 FROM runs WHERE content = contents.id) ORDER BY id DESC LIMIT ?");
  if (!query) return query.error();
  query->bind(1, as_column(count));
  std::vector<std::string> found;
  while (true) {
    auto const row = query->step();
    if (!row) return row.error();
    if (!*row) return found;
    found.push_back(query->text(0));
  }
}

Result<std::vector<std::string>> ChunkIndex::contents() const {
  std::scoped_lock const guard(mutex_);
  auto query = database_->prepare("SELECT etag FROM contents ORDER BY etag");
  if (!query) return query.error();
  std::vector<std::string> found;
  while (true) {
    auto const row = query->step();
    if (!row) return row.error();
    if (!*row) return found;
    found.push_back(query->text(0));
  }
}

Result<std::uint64_t> ChunkIndex::distinct_samples() const {
  std::scoped_lock const guard(mutex_);
  auto query = database_->prepare("SELECT count(DISTINCT w0) FROM samples WHERE content IN (SELECT id FROM contents)");
  if (!query) return query.error();
  auto const row = query->step();
  if (!row) return row.error();
  return static_cast<std::uint64_t>(query->integer(0));
}

Result<ChunkIndex::Totals> ChunkIndex::totals() const {
  std::scoped_lock const guard(mutex_);
  auto query = database_->prepare("SELECT count(*), coalesce(sum(chunks), 0), coalesce(sum(size), 0) FROM contents");
  if (!query) return query.error();
  auto const row = query->step();
  if (!row) return row.error();
  return Totals{static_cast<std::uint64_t>(query->integer(0)), static_cast<std::uint64_t>(query->integer(1)), static_cast<Bytes>(query->integer(2))};
}

}  // namespace hubd::store
