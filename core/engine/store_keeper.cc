// SPDX-License-Identifier: Apache-2.0
#include "core/engine/store_keeper.h"

#include <set>

#include "core/engine/folder_adoption.h"
#include "core/engine/store_check.h"

namespace hubd::engine {
namespace {

constexpr std::size_t recipes_per_job = 16;

}  // namespace

std::vector<StoreKeeper::Blob> StoreKeeper::adoptable() {
  auto& context = parts_.context;
  std::vector<Blob> found;
  std::set<std::string> seen;
  auto const blobs = context.parts.cache.all_blobs();
  if (!blobs) return found;
  for (auto const& [etag, path] : *blobs) {
    auto const stat = context.parts.files.stat(path);
    if (!stat || stat->type != fs::Stat::Type::regular || !worth_adopting(etag, stat->size) || context.store->has(etag)) continue;
    if (context.ledger->look(*stat, etag) == Ledger::Verdict::wrong) continue;
    if (seen.insert(etag).second) found.push_back({path, etag, stat->size});
  }
  return found;
}

Async<StoreStats> StoreKeeper::stats() {
  StoreStats stats;
  auto look = [&]() -> Result<void> {
    auto const totals = parts_.context.store->totals();
    if (!totals) return totals.error();
    stats.recipes = totals->contents;
    stats.chunks = totals->chunks;
    stats.chunks_distinct = totals->distinct;
    stats.distinct_estimated = totals->estimated;
    stats.content_bytes = totals->bytes;
    stats.recipe_bytes = totals->recipe_bytes;
    stats.index_bytes = totals->index_bytes;
    for (auto const& blob : adoptable()) {
      ++stats.adoptable;
      stats.adoptable_bytes += blob.size;
    }
    return {};
  };
  auto const looked = co_await net::offload(parts_.context.parts.disk, look);
  if (!looked) co_return looked.error();
  stats.bytes_reused = parts_.context.totals.bytes_reused;
  stats.pending = parts_.verifier.waiting();
  co_return stats;
}

Async<StoreRebuilt> StoreKeeper::rebuild(StoreListener& listener) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  if (!rebuilding_) {
    rebuilding_ = std::make_shared<Rebuilding>(parts_.context.parts.executor);
    parts_.tasks.spawn("rebuild the chunk index", rebuild_index(rebuilding_));
  }
  auto const work = rebuilding_;
  while (!work->ended) {
    listener.progress(work->progress);
    bool const woken = co_await work->changed.wait();
    if (!woken && !work->ended) co_return fail(ErrorKind::cancelled, "the caller left; the index is being made anew all the same");
  }
  if (!*work->ended) co_return work->ended->error();
  co_return work->done;
}

asio::awaitable<void> StoreKeeper::rebuild_index(std::shared_ptr<Rebuilding> work) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto indexed = co_await index_all(work);
  if (!indexed) parts_.context.parts.log.warning("the chunk index could not be made anew: " + indexed.error().what);
  work->ended.emplace(std::move(indexed));
  rebuilding_.reset();
  work->changed.notify();
}

Async<void> StoreKeeper::index_all(std::shared_ptr<Rebuilding> work) {
  auto& context = parts_.context;
  std::vector<std::string> etags;
  std::vector<Bytes> sizes;  // of their contents
  auto drop = [&]() -> Result<void> {
    auto known = context.store->etags();
    if (!known) return known.error();
    etags = std::move(*known);
    for (auto const& etag : etags) {
      auto const size = context.store->size(etag);
      sizes.push_back(size ? *size : 0);
    }
    return context.store->drop_index();
  };
  auto const dropped = co_await net::offload(context.parts.disk, drop);
  if (!dropped) co_return dropped.error();
  work->progress.files_total = etags.size();
  for (auto const size : sizes) work->progress.bytes_total += size;
  for (std::size_t i = 0; i < etags.size();) {
    if (context.stopping) co_return fail(ErrorKind::unavailable, "hubd is stopping; what lacks in the index is added at the next start");
    auto index = [&]() -> Result<void> {
      for (std::size_t n = 0; n < recipes_per_job && i < etags.size(); ++n, ++i) {
        auto const chunks = context.store->index_again(etags[i]);
        bool const gone = !chunks && chunks.error().kind == ErrorKind::local_entry_not_found;
        if (!chunks && !gone) return chunks.error();
        if (gone) ++work->done.damaged;
        if (!gone) ++work->done.recipes;
        if (!gone) work->done.chunks += *chunks;
      }
      return {};
    };
    auto const indexed = co_await net::offload(context.parts.disk, index);
    if (!indexed) co_return indexed.error();
    for (auto n = work->progress.files_done; n < i; ++n) work->progress.bytes_done += sizes[n];
    work->progress.files_done = i;
    work->changed.notify();
  }
  auto look = [this] { return adoptable(); };
  auto blobs = co_await net::offload(context.parts.disk, look);
  work->done.adoptable = blobs.size();
  if (context.options.xet && context.options.adopt)
    for (auto& blob : blobs) parts_.verifier.enqueue(std::move(blob.path), std::move(blob.etag));
  co_return Result<void>();
}

Async<StoreChecked> StoreKeeper::verify(StoreListener& listener) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  StoreCheck check(parts_.context, parts_.xet.held, listener);
  auto checked = co_await check.run();
  co_return checked;
}

Async<StoreAdopted> StoreKeeper::adopt(AdoptRequest request, StoreListener& listener) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  FolderAdoption adoption({parts_.context, parts_.xet.adoption, parts_.xet.accesses, parts_.revisions, listener}, std::move(request));
  auto adopted = co_await adoption.run();
  co_return adopted;
}

}  // namespace hubd::engine
