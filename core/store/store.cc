// SPDX-License-Identifier: Apache-2.0
#include "core/store/store.h"

#include <algorithm>
#include <unordered_set>

namespace hubd::store {
namespace {

constexpr std::string_view kSuffix = ".recipe";
constexpr Bytes kRecipeSizeMax = 4_GiB;  // of 100 million chunks
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

}  // namespace

Result<std::unique_ptr<Store>> Store::open(fs::FileSystem& files, std::string folder, std::string const& database) {
  auto const made = files.make_directories(folder, kFolderMode);
  if (!made) return made.error();
  auto index = ChunkIndex::open(files, database);
  if (!index) return index.error();
  std::unique_ptr<Store> store(new Store(files, std::move(folder), database, std::move(*index)));
  auto const caught_up = store->catch_up();
  if (!caught_up) return caught_up.error();
  return store;
}

Result<void> Store::each(std::function<Result<void>(std::string const&, std::string const&)> const& visit) const {
  auto const shelves = files_.list(folder_);
  if (!shelves) return shelves.error();
  for (auto const& shelf : *shelves) {
    auto const names = files_.list(folder_ + "/" + shelf);
    if (!names) continue;  // no folder of ours
    for (auto const& name : *names) {
      if (!name.ends_with(kSuffix)) continue;
      auto const etag = name.substr(0, name.size() - kSuffix.size());
      if (!ContentId::parse(etag) || !etag.starts_with(shelf)) continue;
      auto const visited = visit(etag, path(etag));
      if (!visited) return visited;
    }
  }
  return {};
}

/// A crash may have lost either side's last changes, and a rebuild may have been cut.
Result<void> Store::catch_up() {
  auto const known = index_->contents();
  if (!known) return known.error();
  auto const here = etags();
  if (!here) return here.error();
  for (auto const& etag : *known) {
    if (std::binary_search(here->begin(), here->end(), etag)) continue;
    auto const removed = index_->remove(etag);
    if (!removed) return removed;
  }
  for (auto const& etag : *here) {
    if (std::binary_search(known->begin(), known->end(), etag)) continue;
    if (files_.interrupted()) return fail(ErrorKind::cancelled, "making the chunk index anew was stopped");
    auto const indexed = index_again(etag);
    if (!indexed && indexed.error().kind != ErrorKind::local_entry_not_found) return indexed.error();
  }
  return {};
}

Result<std::vector<std::string>> Store::etags() const {
  std::vector<std::string> found;
  auto const note = [&](std::string const& etag, std::string const&) -> Result<void> {
    found.push_back(etag);
    return {};
  };
  auto const noted = each(note);
  if (!noted) return noted.error();
  std::sort(found.begin(), found.end());
  return found;
}

Result<void> Store::drop_index() { return index_->reset(); }

Result<std::uint64_t> Store::index_again(std::string const& etag) {
  std::scoped_lock const guard(changing_);
  auto const recipe = read(etag);
  if (recipe) {
    auto const added = index_->add(*recipe);
    if (!added) return added.error();
    return std::uint64_t{recipe->chunks.size()};
  }
  auto const gone = fail(ErrorKind::local_entry_not_found, "the recipe of " + etag + " is of no use: " + recipe.error().what);
  if (recipe.error().kind != ErrorKind::corrupt) return gone;
  auto const removed = files_.remove(path(etag));
  if (!removed) return removed.error();
  return gone;
}

Result<void> Store::add(Recipe const& recipe) {
  std::scoped_lock const guard(changing_);
  auto const& etag = recipe.id.etag();
  auto const place = path(etag);
  auto const made = files_.make_directories(folder_ + "/" + etag.substr(0, 2), kFolderMode);
  if (!made) return made;
  // Not synced: lost power may take it, and then its content is adopted again.
  auto const written = fs::write_file_atomic(files_, place, place + ".new", encode_recipe(recipe), kFileMode, false);
  if (!written) return written;
  auto const indexed = index_->add(recipe);
  if (!indexed) (void)files_.remove(place);
  return indexed;
}

Result<Recipe> Store::read(std::string const& etag) const {
  auto const text = fs::read_file(files_, path(etag), kRecipeSizeMax);
  if (!text) return text.error();
  auto recipe = parse_recipe(as_bytes(*text));
  if (recipe && recipe->id.etag() != etag) return fail(ErrorKind::corrupt, "the recipe of " + etag + " is of another content");
  return recipe;
}

bool Store::has(std::string const& etag) const { return files_.lstat(path(etag)).has_value(); }

bool Store::names_terms(std::string const& etag) const {
  auto const recipe = RecipeFile::open(files_, path(etag), etag);
  return recipe && recipe->terms() > 0;
}

Result<Bytes> Store::size(std::string const& etag) const {
  auto const recipe = RecipeFile::open(files_, path(etag), etag);
  if (!recipe) return recipe.error();
  return recipe->size();
}

Result<void> Store::forget(std::string const& etag) {
  std::scoped_lock const guard(changing_);
  auto const removed = index_->remove(etag);
  if (!removed) return removed;
  return files_.remove(path(etag));
}

Result<HeldRun> Store::confirm(ChunkIndex::Run const& run, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const {
  auto const wrong = [&] { return fail(ErrorKind::corrupt, "the recipe of " + run.etag + " is not what the index says"); };
  auto const recipe = RecipeFile::open(files_, path(run.etag), run.etag);
  if (!recipe) return recipe.error();
  auto const term = recipe->term(run.term);
  if (!term) return term.error();
  if (term->xorb != xorb || term->first != run.first || term->end != run.end) return wrong();
  auto const from = std::max(first, run.first);
  auto const to = std::min(end, run.end);
  if (from >= to) return wrong();
  // Lengths of those in front say where the first wanted one stands.
  auto chunks = recipe->chunks(run.ordinal, to - run.first);
  if (!chunks) return chunks.error();
  HeldRun held{from, to, run.etag, run.offset, {}};
  for (std::uint32_t i = run.first; i < from; ++i) held.offset += (*chunks)[i - run.first].length;
  held.chunks.assign(chunks->begin() + (from - run.first), chunks->end());
  return held;
}

Result<std::vector<HeldRun>> Store::find(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) {
  auto const runs = index_->runs(xorb, first, end);
  if (!runs) return runs.error();
  std::vector<HeldRun> found;
  auto const covered = [&](std::uint32_t chunk) {
    return std::any_of(found.begin(), found.end(), [&](HeldRun const& one) { return one.first <= chunk && chunk < one.end; });
  };
  for (auto const& run : *runs) {  // the longest first; later ones fill what they left
    auto from = std::max(first, run.first);
    auto const past = std::min(end, run.end);
    while (from < past) {
      while (from < past && covered(from)) ++from;
      auto to = from;
      while (to < past && !covered(to)) ++to;
      if (from == to) break;
      auto held = confirm(run, xorb, from, to);
      if (!held) {
        bool const lost = held.error().kind == ErrorKind::corrupt || held.error().kind == ErrorKind::local_entry_not_found;
        if (!lost) return held.error();
        auto const forgotten = forget(run.etag);
        if (!forgotten) return forgotten.error();
        break;
      }
      found.push_back(std::move(*held));
      from = to;
    }
  }
  std::sort(found.begin(), found.end(), [](HeldRun const& a, HeldRun const& b) { return a.first < b.first; });
  return found;
}

Result<std::uint64_t> Store::collect(std::function<bool(std::string const&)> const& stands) {
  std::uint64_t gone = 0;
  auto const look = [&](std::string const& etag, std::string const&) -> Result<void> {
    if (files_.interrupted()) return fail(ErrorKind::cancelled, "collecting recipes was stopped");
    if (stands(etag)) return {};
    ++gone;
    return forget(etag);
  };
  auto const looked = each(look);
  if (!looked) return looked.error();
  auto const tidied = index_->tidy();
  if (!tidied) return tidied.error();
  return gone;
}

Result<Store::Totals> Store::totals() const {
  auto const known = index_->totals();
  if (!known) return known.error();
  Totals totals;
  static_cast<ChunkIndex::Totals&>(totals) = *known;
  auto const add = [&](std::string const&, std::string const& path) -> Result<void> {
    auto const stat = files_.lstat(path);
    if (stat) totals.recipe_bytes += stat->size;
    return {};
  };
  auto const added = each(add);
  if (!added) return added.error();
  for (auto const* const suffix : {"", "-wal"}) {
    if (!database_.starts_with('/')) break;  // in memory
    auto const stat = files_.lstat(database_ + suffix);
    if (stat) totals.index_bytes += stat->size;
  }
  totals.estimated = totals.chunks > kCountedMax;
  auto const distinct = totals.estimated ? index_->distinct_samples() : count_distinct();
  if (!distinct) return distinct.error();
  totals.distinct = totals.estimated ? std::min(*distinct * ChunkIndex::kSampledOneIn, totals.chunks) : *distinct;
  return totals;
}

Result<std::uint64_t> Store::count_distinct() const {
  std::unordered_set<std::uint64_t> words;
  auto const count = [&](std::string const& etag, std::string const&) -> Result<void> {
    auto const recipe = read(etag);
    if (recipe)
      for (auto const& chunk : recipe->chunks) words.insert(chunk.hash.word(0));
    return {};
  };
  auto const counted = each(count);
  if (!counted) return counted.error();
  return std::uint64_t{words.size()};
}

}  // namespace hubd::store
