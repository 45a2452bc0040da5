// SPDX-License-Identifier: Apache-2.0
#include "core/engine/held_chunks.h"

#include <algorithm>

#include "core/engine/inspect.h"
#include "core/transfer/partial.h"

namespace hubd::engine {
namespace {

/// The newest place whose bytes still are those that were hashed. Empty: none.
std::string standing(Context& context, std::string const& etag) {
  for (auto const& path : context.ledger->holders(etag)) {
    auto const stat = context.parts.files.stat(path);  // the stock shared store makes a blob's name a link to its payload
    if (stat && stat->type == fs::Stat::Type::regular && context.ledger->look(*stat, etag) == Ledger::Verdict::verified) return path;
  }
  return {};
}

}  // namespace

std::vector<Place> standing_places(Context& context, std::string const& etag, std::uint64_t* changed) {
  std::vector<Place> places;
  std::vector<Place> others;
  auto const known = [](std::vector<Place> const& list, fs::Stat const& stat) {
    return std::any_of(list.begin(), list.end(), [&](Place const& one) { return one.stat.device == stat.device && one.stat.inode == stat.inode; });
  };
  for (auto const& path : context.ledger->holders(etag)) {
    auto const stat = context.parts.files.stat(path);
    if (!stat || stat->type != fs::Stat::Type::regular || known(places, *stat) || known(others, *stat)) continue;
    auto& list = context.ledger->look(*stat, etag) == Ledger::Verdict::verified ? places : others;
    list.push_back({path, *stat});
  }
  if (changed != nullptr) *changed = others.size();
  return places;
}

std::vector<store::HeldRun> HeldChunks::find(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) {
  auto found = context_.store->find(xorb, first, end);
  if (!found) {
    context_.parts.log.warning("chunks on this host could not be looked up: " + found.error().what);
    return {};
  }
  return std::move(*found);
}

std::unique_ptr<fs::File> HeldChunks::open(std::string const& etag) {
  auto path = standing(context_, etag);
  auto const part = path.empty() ? damaged(etag) : std::nullopt;
  if (part) {
    auto opened = context_.parts.files.open(part->path, fs::OpenMode::read);
    auto const stat = opened ? (*opened)->stat() : Result<fs::Stat>(fs::Stat{});
    if (opened && stat && same_bytes(*stat, part->stat)) return std::move(*opened);
  }
  if (!path.empty()) return opened(path);
  if (auto filling = opened(transfer::Partial::path_of(context_.partials, etag))) return filling;
  // It moved since it was looked for: it is where it goes, or the ledger knows of it by now.
  path = moving(etag);
  if (path.empty()) path = standing(context_, etag);
  return path.empty() ? nullptr : opened(path);
}

std::unique_ptr<fs::File> HeldChunks::opened(std::string const& path) const {
  auto file = context_.parts.files.open(path, fs::OpenMode::read);
  return file ? std::move(*file) : nullptr;
}

HeldChunks::Moving::Moving(HeldChunks& held, std::string etag, std::string path) : held_(held), etag_(std::move(etag)) {
  std::scoped_lock const guard(held_.mutex_);
  held_.moving_.insert_or_assign(etag_, std::move(path));
}

HeldChunks::Moving::~Moving() {
  std::scoped_lock const guard(held_.mutex_);
  held_.moving_.erase(etag_);
}

std::string HeldChunks::moving(std::string const& etag) const {
  std::scoped_lock const guard(mutex_);
  auto const found = moving_.find(etag);
  return found == moving_.end() ? std::string() : found->second;
}

void HeldChunks::keep_damaged(std::string const& etag, Place place) {
  std::scoped_lock const guard(mutex_);
  if (damaged_.size() < damaged_max) damaged_.insert_or_assign(etag, std::move(place));
}

std::optional<Place> HeldChunks::damaged(std::string const& etag) const {
  std::scoped_lock const guard(mutex_);
  auto const found = damaged_.find(etag);
  return found == damaged_.end() ? std::nullopt : std::optional<Place>(found->second);
}

std::vector<std::string> HeldChunks::paths(std::string const& etag) const {
  std::vector<std::string> paths;
  for (auto& place : standing_places(context_, etag)) paths.push_back(std::move(place.path));
  auto const part = paths.empty() ? damaged(etag) : std::nullopt;
  if (part) paths.push_back(part->path);
  return paths;
}

void HeldChunks::distrust(std::string const& etag) {
  {
    std::scoped_lock const guard(mutex_);
    damaged_.erase(etag);
  }
  auto const recipe = context_.store->read(etag);
  auto const path = standing(context_, etag);
  auto const stat = path.empty() ? Result<fs::Stat>(fs::Stat{}) : context_.parts.files.stat(path);
  if (recipe && !path.empty() && stat) {
    context_.parts.log.warning(path + " does not hold what it held when it was hashed; it is fetched again when next asked for");
    context_.ledger->record(*stat, etag, false, path);
    context_.ledger->forget(etag, path);
  }
  auto const forgotten = context_.store->forget(etag);
  if (!forgotten) context_.parts.log.warning(forgotten.error().what);
}

Result<std::uint64_t> collect_recipes(Context& context) {
  auto const stands = [&context](std::string const& etag) {
    auto const holders = context.ledger->holders(etag);
    auto const is_there = [&](std::string const& path) { return context.parts.files.lstat(path).has_value(); };
    // Nobody knows: perhaps only the ledger was lost.
    return holders.empty() || std::any_of(holders.begin(), holders.end(), is_there);
  };
  return context.store->collect(stands);
}

}  // namespace hubd::engine
