// SPDX-License-Identifier: Apache-2.0
#include "core/engine/verifier.h"

#include "core/engine/adoption.h"
#include "core/engine/inspect.h"

namespace hubd::engine {
namespace {

constexpr auto busy_look = std::chrono::seconds(2);

}  // namespace

void Verifier::enqueue(std::string path, std::string etag) {
  if (!queued_.insert(path).second) return;
  queue_.emplace_back(std::move(path), std::move(etag));
  changed_.notify();
}

bool Verifier::adopts() const { return context_.options.xet && context_.options.adopt; }

bool Verifier::lacks_recipe(std::string const& etag, Bytes size) const {
  return adopts() && worth_adopting(etag, size) && !context_.store->has(etag);
}

Async<bool> Verifier::hash_on(asio::any_io_executor pool, std::string path, std::string etag) {
  auto work = [&] { return hash_file(context_.parts.files, *context_.ledger, adopts() ? context_.store.get() : nullptr, path, etag, context_.stopping); };
  auto matches = co_await net::offload(pool, work);
  if (matches && !*matches) {
    ++context_.totals.integrity_failures;
    context_.parts.log.warning(path + " does not hash to its name: somebody changed or truncated it; it is fetched again when it is asked for");
  }
  co_return matches;
}

asio::awaitable<void> Verifier::run(std::function<bool()> busy) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  auto look = [this] {
    std::vector<std::pair<std::string, std::string>> unknown;
    auto const blobs = context_.parts.cache.all_blobs();
    if (!blobs) return unknown;
    for (auto const& [etag, path] : *blobs) {
      auto const stat = context_.parts.files.stat(path);
      if (!stat || stat->type != fs::Stat::Type::regular || !ContentId::parse(etag)) continue;
      auto const verdict = context_.ledger->look(*stat, etag);
      bool const unhashed = verdict == Ledger::Verdict::unknown || verdict == Ledger::Verdict::edited;
      if (unhashed || (verdict == Ledger::Verdict::verified && lacks_recipe(etag, stat->size))) unknown.emplace_back(path, etag);
    }
    return unknown;
  };
  auto const found = co_await net::offload(context_.parts.disk, look);
  for (auto const& [path, etag] : found) enqueue(path, etag);
  while (!context_.stopping) {
    bool awake = true;
    if (queue_.empty())
      awake = co_await changed_.wait();
    else if (busy())
      awake = co_await context_.parts.timers.sleep_for(busy_look);
    if (!awake) co_return;
    if (queue_.empty() || busy() || context_.stopping) continue;
    auto const [path, etag] = queue_.front();
    queue_.pop_front();
    auto known = [&, the_path = std::string_view(path), the_etag = std::string_view(etag)] {
      auto const stat = context_.parts.files.stat(std::string(the_path));
      if (!stat) return true;
      auto const verdict = context_.ledger->look(*stat, std::string(the_etag));
      if (verdict == Ledger::Verdict::verified) return !lacks_recipe(std::string(the_etag), stat->size);
      return verdict == Ledger::Verdict::wrong;
    };
    bool const skip = co_await net::offload(context_.parts.disk, known);
    Result<bool> hashed = true;
    if (!skip) hashed = co_await hash_on(context_.background(), path, etag);
    queued_.erase(path);
    if (!hashed && hashed.error().kind != ErrorKind::local_entry_not_found) context_.parts.log.info(hashed.error().what);
  }
}

}  // namespace hubd::engine
