// SPDX-License-Identifier: Apache-2.0
#include "core/engine/recovery.h"

#include <algorithm>
#include <chrono>

#include "core/transfer/partial.h"

namespace hubd::engine {
namespace {

constexpr mode_t owner_mode = 0600;
constexpr auto unused_max = std::chrono::hours(24 * 7);
constexpr auto age_max = std::chrono::hours(24 * 400);  // older than that says more about the clock than about the file
constexpr std::string_view partial_suffix = ".partial";
constexpr std::string_view map_suffix = ".map";
constexpr std::string_view scratch_suffix = ".tmp";

bool published(fs::FileSystem& files, Ledger& ledger, std::string const& etag) {
  for (auto const& path : ledger.holders(etag)) {
    auto const stat = files.stat(path);
    if (stat && ledger.look(*stat, etag) == Ledger::Verdict::verified) return true;
  }
  return false;
}

/// A partial that was about to be published got the mode of what is published, which may forbid writing; lost power can
/// bring its old name back.
bool make_ours(fs::FileSystem& files, std::string const& partial, mode_t mode) {
  if ((mode & owner_mode) == owner_mode) return true;
  auto const file = files.open(partial, fs::OpenMode::read, 0, true);
  return file && (*file)->set_mode(owner_mode);
}

}  // namespace

Result<void> sweep_partials(fs::FileSystem& files, Ledger& ledger, std::string const& folder, WallTime now) {
  auto const names = files.list(folder);
  if (!names) return names.error();
  auto const has = [&](std::string const& name) { return std::binary_search(names->begin(), names->end(), name); };
  for (auto const& name : *names) {
    bool const is_partial = name.ends_with(partial_suffix);
    auto const stem = name.substr(0, name.size() - std::min(name.size(), is_partial ? partial_suffix.size() : map_suffix.size()));
    bool const pair = has(stem + std::string(partial_suffix)) && has(stem + std::string(map_suffix));
    if (!pair) {
      auto const removed = files.remove(folder + "/" + name);
      if (!removed) return removed.error();
      continue;
    }
    if (!is_partial) continue;
    auto const stat = files.lstat(folder + "/" + name);
    auto const age = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count() - (stat ? stat->mtime_ns : 0);
    bool const old = std::chrono::nanoseconds(age) > unused_max && std::chrono::nanoseconds(age) < age_max;
    bool const usable = stat && make_ours(files, folder + "/" + name, stat->mode);
    if (usable && !old && !published(files, ledger, stem)) continue;
    auto const removed = transfer::Partial::remove(files, folder, stem);
    if (!removed) return removed.error();
  }
  return {};
}

Result<void> sweep_scratch(fs::FileSystem& files, std::string const& root) {
  auto const locks = root + "/.locks";
  auto const folders = files.list(locks);
  if (!folders) {
    if (folders.error().kind == ErrorKind::local_entry_not_found) return {};
    return folders.error();
  }
  for (auto const& folder : *folders) {
    auto const own = files.lstat(locks + "/" + folder);
    if (!own || own->type != fs::Stat::Type::directory) continue;  // a file, or somebody's link to elsewhere
    auto const names = files.list(locks + "/" + folder);
    if (!names) continue;
    for (auto const& name : *names) {
      if (!name.ends_with(scratch_suffix)) continue;
      auto const removed = files.remove_tree(locks + "/" + folder + "/" + name);  // a probe of the umask is a folder
      if (!removed) return removed.error();
    }
  }
  return {};
}

}  // namespace hubd::engine
