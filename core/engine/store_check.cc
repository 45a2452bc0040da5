// SPDX-License-Identifier: Apache-2.0
#include "core/engine/store_check.h"

#include <algorithm>

#include "core/engine/inspect.h"
#include "core/fs/buffer.h"
#include "core/xet/hashes.h"
#include "core/xet/limits.h"

namespace hubd::engine {
namespace {

constexpr Bytes step_size = 16_MiB;         // of one job: other work on the threads goes between
constexpr std::size_t told_max = 1000;      // damaged chunks of one place that are named one by one

}  // namespace

struct StoreCheck::Content {
  store::Recipe recipe;
  std::vector<Place> places;
};

/// One place on its way through its chunks. Blocking, used by one job after the other.
struct StoreCheck::Reading {
  Reading(std::unique_ptr<fs::File> opened, fs::Stat const& stat) : file(std::move(opened)), before(stat), buffer(xet::kChunkSizeMax) {}

  /// The next chunks; false at the end.
  bool step(store::Recipe const& recipe, std::string const& path) {
    for (Bytes taken = 0; taken < step_size && ordinal < recipe.chunks.size(); ++ordinal) {
      auto const& chunk = recipe.chunks[ordinal];
      auto const bytes = buffer.span().first(chunk.length);
      auto const count = file->read_at(offset, bytes);
      if (!count || *count != chunk.length || xet::chunk_hash(bytes) != chunk.hash) {
        wrong.push_back(ordinal);
        if (found.size() < told_max) found.push_back({path, recipe.id.etag(), offset, chunk.length, chunk.hash.text()});
      }
      offset += chunk.length;
      taken += chunk.length;
    }
    return ordinal < recipe.chunks.size();
  }
  [[nodiscard]] bool changed() const {
    auto const after = file->stat();
    return !after || !same_bytes(before, *after);
  }

  std::unique_ptr<fs::File> file;
  fs::Stat before;
  fs::Buffer buffer;
  std::size_t ordinal = 0;
  Bytes offset = 0;
  std::vector<std::size_t> wrong;
  std::vector<DamagedChunk> found;
};

Async<void> StoreCheck::still_wanted() {
  auto const state = co_await asio::this_coro::cancellation_state;
  if (context_.stopping) co_return fail(ErrorKind::unavailable, "hubd is stopping; verify the store again later");
  if (state.cancelled() != asio::cancellation_type::none) co_return fail(ErrorKind::cancelled, "verifying the store was stopped");
  co_return Result<void>();
}

Async<StoreChecked> StoreCheck::run() {
  std::vector<std::string> etags;
  auto list = [&]() -> Result<void> {
    auto known = context_.store->etags();
    if (!known) return known.error();
    etags = std::move(*known);
    for (auto const& etag : etags) {
      auto const size = context_.store->size(etag);
      if (size) progress_.bytes_total += *size;
    }
    return {};
  };
  auto const listed = co_await net::offload(context_.background(), list);
  if (!listed) co_return listed.error();
  progress_.files_total = etags.size();
  for (auto const& etag : etags) {
    auto const checked = co_await check(etag);
    if (!checked) co_return checked.error();
    ++progress_.files_done;
    listener_.progress(progress_);
  }
  co_return checked_;
}

Async<void> StoreCheck::check(std::string etag) {
  std::optional<Content> content;
  std::uint64_t changed = 0;
  std::vector<Place> to_learn;
  auto look = [&]() -> Result<void> {
    auto recipe = context_.store->read(etag);
    auto places = standing_places(context_, etag, &changed);
    if (recipe) {
      content.emplace(std::move(*recipe), std::move(places));
      return {};
    }
    if (recipe.error().kind == ErrorKind::local_entry_not_found) return {};  // forgotten meanwhile
    if (recipe.error().kind != ErrorKind::corrupt) return recipe.error();
    to_learn = std::move(places);
    ++checked_.damaged_recipes;
    return context_.store->forget(etag);
  };
  auto const looked = co_await net::offload(context_.background(), look);
  if (!looked) co_return looked.error();
  for (auto const& place : to_learn) context_.adopt_later(place.path, etag);
  checked_.changed += changed;
  if (!content) co_return Result<void>();
  if (content->places.empty()) {
    if (changed == 0) ++checked_.absent;
    progress_.bytes_done += content->recipe.size;
    co_return Result<void>();
  }
  bool good = false;
  std::vector<std::size_t> wrong;  // of the last place that is not whole
  auto const begun = progress_.bytes_done;
  for (auto const& place : content->places) {
    progress_.bytes_done = begun;  // a further place of the same content is the same bytes
    auto const right = co_await check_place(*content, place, wrong);
    if (!right) co_return right.error();
    good = good || *right;
  }
  progress_.bytes_done = begun + content->recipe.size;
  if (good) co_return Result<void>();
  auto settle = [&] { return salvage(std::move(*content), wrong); };
  auto const settled = co_await net::offload(context_.parts.disk, settle);
  co_return settled;
}

Result<void> StoreCheck::salvage(Content content, std::vector<std::size_t> const& wrong) {
  auto& recipe = content.recipe;
  auto const& etag = recipe.id.etag();
  if (recipe.terms.empty()) return context_.store->forget(etag);  // found by no xorb as it is
  std::vector<store::RecipeTerm> terms;
  std::size_t ordinal = 0;
  auto next = wrong.begin();
  for (auto const& term : recipe.terms) {
    for (auto i = term.first; i < term.end; ++i, ++ordinal) {
      bool const bad = next != wrong.end() && *next == ordinal;
      if (bad) ++next;
      bool const unknown = bad || term.xorb.is_zero();
      store::RecipeTerm const one = unknown ? store::RecipeTerm{{}, 0, 1} : store::RecipeTerm{term.xorb, i, i + 1};
      bool const goes_on = !terms.empty() && terms.back().xorb == one.xorb && (unknown || terms.back().end == one.first);
      if (goes_on)
        ++terms.back().end;
      else
        terms.push_back(one);
    }
  }
  recipe.terms = std::move(terms);
  held_.keep_damaged(etag, content.places.back());
  return context_.store->add(recipe);
}

Async<bool> StoreCheck::check_place(Content const& content, Place place, std::vector<std::size_t>& wrong) {
  progress_.path = place.path;
  std::unique_ptr<Reading> reading;
  auto open = [&] {
    auto file = context_.parts.files.open(place.path, fs::OpenMode::read);
    if (!file) return false;
    auto const stat = (*file)->stat();
    if (!stat || !same_bytes(*stat, place.stat)) return false;
    reading = std::make_unique<Reading>(std::move(*file), *stat);
    return true;
  };
  bool const opened = co_await net::offload(context_.background(), open);
  if (!opened) {
    ++checked_.changed;
    co_return true;  // gone or written to this moment: the next look sees it
  }
  auto const begun = progress_.bytes_done;
  bool more = true;
  while (more) {
    auto const wanted = co_await still_wanted();
    if (!wanted) co_return wanted.error();
    auto step = [&] { return reading->step(content.recipe, place.path); };
    more = co_await net::offload(context_.background(), step);
    progress_.bytes_done = begun + reading->offset;
    listener_.progress(progress_);
  }
  auto settle = [&] {
    if (reading->changed()) return false;
    if (!reading->wrong.empty()) drop(content.recipe.id.etag(), place);
    return true;
  };
  bool const settled = co_await net::offload(context_.parts.disk, settle);
  if (!settled) {
    ++checked_.changed;
    co_return true;
  }
  ++checked_.files;
  checked_.chunks += content.recipe.chunks.size();
  checked_.bytes += content.recipe.size;
  if (reading->wrong.empty()) co_return true;
  wrong = std::move(reading->wrong);
  ++checked_.damaged_files;
  checked_.damaged_chunks += wrong.size();
  ++context_.totals.integrity_failures;
  context_.parts.log.warning(place.path + " does not hold what it held when it was hashed; it is fetched again when next asked for");
  for (auto& chunk : reading->found) {
    auto const told = co_await listener_.damaged(std::move(chunk));
    if (!told) co_return told.error();
  }
  co_return false;
}

/// From now on its bytes count as wrong, under each of its names.
void StoreCheck::drop(std::string const& etag, Place const& place) {
  context_.ledger->record(place.stat, etag, false, place.path);
  for (auto const& path : context_.ledger->holders(etag)) {
    auto const stat = context_.parts.files.stat(path);
    if (stat && stat->device == place.stat.device && stat->inode == place.stat.inode) context_.ledger->forget(etag, path);
  }
}

}  // namespace hubd::engine
