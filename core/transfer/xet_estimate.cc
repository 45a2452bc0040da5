// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_transfer.h"

#include <algorithm>

namespace hubd::transfer {
namespace {

Bytes share(Bytes bytes, Bytes part, Bytes whole) {
  if (part == whole) return bytes;
  return static_cast<Bytes>(static_cast<double>(bytes) * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

// The planner's own steps, so that what is said is what would be done; only nothing takes what it queues.
Async<XetTransfer::Estimate> XetTransfer::estimate(Promises& promises) {
  auto quiet = net::no_unwinding();
  co_await std::move(quiet);
  estimating_ = true;
  headway_.step();
  Estimate sum;
  auto look = [this] { return Partial::claimed_chunks(parts_.files, options_.folder, id_.etag(), size_); };
  covered_ = co_await net::offload(parts_.disk, look);
  claimed_ = covered_;
  sum.partial = covered_.total();
  for (Bytes at = 0; at < size_; at += options_.block_size) gaps_.push_back({{at, std::min(options_.block_size, size_ - at)}, false});
  std::vector<Queued> fetches;
  while (!gaps_.empty()) {
    auto const gap = gaps_.front();
    gaps_.pop_front();
    auto const asked = co_await ask(gap, 0);
    if (!asked) co_return asked.error();
    std::move(queue_.begin(), queue_.end(), std::back_inserter(fetches));
    queue_.clear();
    for (auto const& copy : copies_)
      for (auto const& chunk : copy.chunks) sum.copied[copy.etag] += chunk.length;
    copies_.clear();
  }
  for (auto const& queued : fetches) {
    auto const& fetch = queued.fetch;
    auto const& promised = promises[fetch.xorb];
    Bytes const count = fetch.end - fetch.first;
    Bytes lacking = 0;
    for (auto const& extent : promised.lacking({fetch.first, count})) lacking += extent.length;
    // Nobody says how long each chunk is: those that others bring count as the average one.
    sum.network += share(fetch.bytes.length, lacking, count);
    for (auto const& term : fetch.terms) {
      Bytes const wanted = term.end - term.first;
      Bytes missing = 0;
      for (auto const& extent : promised.lacking({term.first, wanted})) missing += extent.length;
      sum.promised += term.extent.length - share(term.extent.length, missing, wanted);
    }
  }
  for (auto const& queued : fetches) promises[queued.fetch.xorb].add({queued.fetch.first, queued.fetch.end - queued.fetch.first});
  co_return sum;
}

}  // namespace hubd::transfer
