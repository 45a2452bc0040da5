// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_content.h"

#include <algorithm>
#include <cstring>

namespace hubd::support {
namespace {

constexpr std::uint64_t pages_for(Bytes size) { return (size + SimContent::kPage - 1) / SimContent::kPage; }

}  // namespace

Bytes SimContent::read(Bytes offset, std::span<std::byte> out) const {
  if (offset >= size_) return 0;
  auto const count = std::min<Bytes>(out.size(), size_ - offset);
  load(pages_, offset, out.first(static_cast<std::size_t>(count)));
  return count;
}

Bytes SimContent::fitting(Bytes offset, Bytes length, Bytes free) const {
  if (length == 0) return 0;
  auto const end = offset + length;
  for (auto index = offset / kPage; index < pages_for(end); ++index) {
    if (index < reserved_pages_ || pages_.contains(index)) continue;
    if (free < kPage) return std::max(offset, index * kPage) - offset;
    free -= kPage;
  }
  return length;
}

void SimContent::write(Bytes offset, std::span<std::byte const> data) {
  if (data.empty()) return;
  for (auto index = offset / kPage; index < pages_for(offset + data.size()); ++index)
    if (index >= reserved_pages_ && !pages_.contains(index)) ++pages_beyond_reserve_;
  store(pages_, offset, data);
  size_ = std::max(size_, offset + data.size());
  Change change;
  change.offset = offset;
  change.size = size_;
  change.data.assign(data.begin(), data.end());
  for (auto sector = offset / kSector; sector * kSector < offset + data.size(); ++sector) change.sectors.push_back(sector);
  changes_.push_back(std::move(change));
}

void SimContent::truncate(Bytes size) {
  Change change;
  change.truncation = true;
  change.size = size;
  for (auto const& [index, page] : pages_)
    for (auto at = index * kPage; at < (index + 1) * kPage; at += kSector)
      if (at + kSector > size) change.sectors.push_back(at / kSector);
  cut(pages_, size);
  // A shorter file gives back what was reserved behind its end.
  if (size <= size_) reserved_pages_ = std::min(reserved_pages_, pages_for(size));
  size_ = size;
  changes_.push_back(std::move(change));
  count_pages();
}

Bytes SimContent::allocated_with(Bytes reserve) const {
  auto const reserved = std::max(reserved_pages_, pages_for(reserve));
  auto const beyond = std::distance(pages_.lower_bound(reserved), pages_.end());
  return (reserved + static_cast<std::uint64_t>(beyond)) * kPage;
}

void SimContent::reserve(Bytes size) {
  reserved_pages_ = std::max(reserved_pages_, pages_for(size));
  count_pages();
}

void SimContent::sync() {
  durable_pages_ = pages_;
  durable_size_ = size_;
  changes_.clear();
}

void SimContent::lose_unsynced(Random* random) {
  std::map<std::uint64_t, std::uint64_t> versions;  // sector -> which change of it is its last; 0: none
  for (auto const& change : changes_)
    for (auto const sector : change.sectors) ++versions[sector];
  for (auto& [sector, version] : versions) version = pick(random, version);
  auto const size_version = pick(random, changes_.size());
  auto const size = size_version == 0 ? durable_size_ : changes_[static_cast<std::size_t>(size_version) - 1].size;

  std::map<std::uint64_t, std::array<std::byte, kSector>> survivors;
  auto replayed = durable_pages_;
  auto const keep = [&](std::uint64_t sector) { load(replayed, sector * kSector, survivors[sector]); };
  for (auto const& [sector, version] : versions)
    if (version == 0) keep(sector);
  std::map<std::uint64_t, std::uint64_t> seen;
  for (auto const& change : changes_) {
    apply(replayed, change);
    for (auto const sector : change.sectors)
      if (++seen[sector] == versions[sector]) keep(sector);
  }
  pages_ = durable_pages_;
  for (auto const& [sector, bytes] : survivors) store(pages_, sector * kSector, bytes);
  cut(pages_, size);
  size_ = size;
  reserved_pages_ = 0;
  count_pages();
  sync();
}

void SimContent::load(Pages const& pages, Bytes offset, std::span<std::byte> out) {
  std::fill(out.begin(), out.end(), std::byte{0});
  auto const end = offset + out.size();
  for (auto found = pages.lower_bound(offset / kPage); found != pages.end() && found->first * kPage < end; ++found) {
    auto const start = found->first * kPage;
    auto const from = std::max(offset, start);
    auto const until = std::min(end, start + kPage);
    std::memcpy(out.data() + (from - offset), found->second->data() + (from - start), until - from);
  }
}

void SimContent::store(Pages& pages, Bytes offset, std::span<std::byte const> data) {
  auto const end = offset + data.size();
  for (auto index = offset / kPage; index * kPage < end; ++index) {
    auto& page = pages[index];
    if (!page)
      page = std::make_shared<Page>();
    else if (page.use_count() > 1)
      page = std::make_shared<Page>(*page);
    auto const start = index * kPage;
    auto const from = std::max(offset, start);
    auto const until = std::min(end, start + kPage);
    std::memcpy(page->data() + (from - start), data.data() + (from - offset), until - from);
  }
}

void SimContent::cut(Pages& pages, Bytes size) {
  pages.erase(pages.lower_bound(pages_for(size)), pages.end());
  auto const tail = size % kPage;
  if (tail == 0) return;
  auto const found = pages.find(size / kPage);
  if (found == pages.end()) return;
  auto shorter = std::make_shared<Page>(*found->second);
  std::fill(shorter->begin() + static_cast<std::ptrdiff_t>(tail), shorter->end(), std::byte{0});
  found->second = std::move(shorter);
}

void SimContent::apply(Pages& pages, Change const& change) {
  if (change.truncation)
    cut(pages, change.size);
  else
    store(pages, change.offset, change.data);
}

std::uint64_t SimContent::pick(Random* random, std::uint64_t newest) {
  if (random == nullptr || newest == 0) return 0;
  // Most of what was written a while ago is written back, so the newest is the likeliest.
  if (random->next() % 2 == 0) return newest;
  return random->next() % (newest + 1);
}

void SimContent::count_pages() {
  pages_beyond_reserve_ = static_cast<std::uint64_t>(std::distance(pages_.lower_bound(reserved_pages_), pages_.end()));
}

}  // namespace hubd::support
