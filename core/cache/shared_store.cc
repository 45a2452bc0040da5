// SPDX-License-Identifier: Apache-2.0
#include "core/cache/shared_store.h"

#include <algorithm>
#include <array>

#include "core/base/digest.h"
#include "core/cache/layout.h"
#include "core/cache/small_file.h"

namespace hubd::cache {
namespace {

constexpr Bytes manifest_size_max = 16_MiB;
constexpr mode_t lock_mode = 0666;

/// The text of a regular file that must not be a link; nothing for anything else.
std::optional<std::string> read_plain(fs::FileSystem& files, std::string const& path, Bytes size_max) {
  auto const stat = files.lstat(path);
  if (!stat || stat->type != fs::Stat::Type::regular || stat->size > size_max) return std::nullopt;
  auto text = fs::read_file(files, path, size_max);
  if (!text) return std::nullopt;
  return std::move(*text);
}

/// Is a manifest line the root-relative path of a repo blob?
bool is_reference(std::string_view line) {
  auto const first = line.find('/');
  if (first == std::string_view::npos) return false;
  auto const second = line.find('/', first + 1);
  if (second == std::string_view::npos) return false;
  auto const name = line.substr(second + 1);
  return Layout::parse_repo_folder(line.substr(0, first)) && line.substr(first + 1, second - first - 1) == "blobs" &&
         !name.empty() && name.find('/') == std::string_view::npos && name != "." && name != "..";
}

}  // namespace

bool SharedStore::marked() const {
  auto const folder = files_.lstat(root_ + "/blobs");
  if (!folder || folder->type != fs::Stat::Type::directory) return false;
  auto const marker = read_plain(files_, root_ + "/blobs/.huggingface-shared-blobs", 16);
  return marker && *marker == "1\n";
}

std::string SharedStore::payload(std::string_view hash) const {
  std::string path = root_ + "/blobs/";
  path.append(hash.substr(0, 2)).append(1, '/').append(hash);
  return path;
}

std::optional<std::string> SharedStore::payload_named(std::string_view path, std::string_view text) const {
  auto const target = first_hop(path, text);
  auto const hash = std::string_view(target).substr(target.find_last_of('/') + 1);
  if (!Sha256::parse(hash) || target != payload(hash)) return std::nullopt;
  return std::string(hash);
}

std::optional<std::string> SharedStore::payload_behind(std::string const& path) const {
  auto const stat = files_.lstat(path);
  if (!stat || stat->type != fs::Stat::Type::symlink) return std::nullopt;
  auto const text = files_.read_symlink(path);
  if (!text) return std::nullopt;
  return payload_named(path, *text);
}

Result<std::vector<std::string>> SharedStore::payloads() const {
  std::vector<std::string> hashes;
  if (!marked()) return hashes;
  auto const folders = files_.list(root_ + "/blobs");
  if (!folders) return folders.error();
  for (auto const& folder : *folders) {
    if (folder.size() != 2) continue;
    auto const names = files_.list(root_ + "/blobs/" + folder);
    if (!names) continue;  // no folder, or gone
    for (auto const& name : *names) {
      if (!Sha256::parse(name) || !name.starts_with(folder)) continue;
      auto const stat = files_.lstat(payload(name));
      if (stat && stat->type == fs::Stat::Type::regular) hashes.push_back(name);
    }
  }
  return hashes;
}

Result<std::optional<std::set<std::string>>> SharedStore::references(std::string_view hash) const {
  auto const manifest = read_plain(files_, payload(hash) + ".refs", manifest_size_max);
  if (!manifest) return std::optional<std::set<std::string>>();
  std::set<std::string> users;
  for (std::string_view rest = *manifest; !rest.empty();) {
    auto const line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!is_reference(line)) continue;
    auto const path = root_ + "/" + std::string(line);
    if (payload_behind(path) == hash) users.insert(path);
  }
  return std::optional(std::move(users));
}

Result<std::optional<fs::Stat>> SharedStore::link(std::string_view hash, Bytes size, std::string const& path) {
  auto const nothing = std::optional<fs::Stat>();
  if (!Sha256::parse(hash) || !marked()) return nothing;
  auto const source = payload(hash);
  if (!files_.lstat(source)) return nothing;  // before a lock file is made for it
  auto lock = files_.try_lock(source + ".lock", lock_mode);
  if (!lock || !*lock) return nothing;
  auto const file = files_.open(source, fs::OpenMode::read, 0, true);
  if (!file) return nothing;
  auto const opened = (*file)->stat();
  if (!opened || opened->type != fs::Stat::Type::regular || opened->size != size) return nothing;
  auto const linked = files_.link(source, path);
  if (!linked) {
    if (is_absent(linked.error())) return linked.error();  // the folder of `path`
    // Another file system, or another user's payload that protected_hardlinks keeps for its owner. A copy may take long:
    // nobody waits for the store's lock meanwhile.
    lock->reset();
    return copy(source, size, path);
  }
  auto const stat = files_.lstat(path);
  if (stat && stat->inode == opened->inode && stat->device == opened->device) return std::optional(*stat);
  (void)files_.remove(path);
  return nothing;
}

Result<std::optional<fs::Stat>> SharedStore::copy(std::string const& source, Bytes size, std::string const& path) {
  auto const nothing = std::optional<fs::Stat>();
  auto const copied = files_.copy(source, path);
  if (!copied && is_absent(copied.error())) return copied.error();  // the folder of `path`
  if (!copied) return nothing;                                      // it removes what it began
  auto const made = files_.open(path, fs::OpenMode::read_write);
  auto const synced = made ? (*made)->sync() : Result<void>(made.error());
  auto const stat = files_.lstat(path);
  if (synced && stat && stat->size == size) return std::optional(*stat);
  (void)files_.remove(path);
  return nothing;
}

Result<bool> SharedStore::collect(Random& random, std::string_view hash) {
  if (!Sha256::parse(hash) || !marked()) return false;
  auto const path = payload(hash);
  if (!files_.lstat(path)) return false;
  auto const lock = files_.try_lock(path + ".lock", lock_mode);
  if (!lock) return lock.error();
  if (!*lock) return false;  // somebody uses it at this moment
  auto const users = references(hash);
  if (!users) return users.error();
  if (!*users) return false;
  if ((*users)->empty()) {
    auto const removed = files_.remove(path);
    if (!removed) return removed.error();
    auto const forgotten = files_.remove(path + ".refs");
    if (!forgotten) return forgotten.error();
    return true;
  }
  std::string text;
  for (auto const& user : **users) text.append(user.substr(root_.size() + 1)).append(1, '\n');
  auto const temporary = path + ".refs." + random.hex(8) + ".tmp";
  auto const written = [&]() -> Result<void> {
    auto const file = files_.open(temporary, fs::OpenMode::create_exclusive, lock_mode);
    if (!file) return file.error();
    auto const mode = (*file)->set_mode(lock_mode);  // whatever the umask: every user of the cache appends to it
    if (!mode) return mode;
    auto const put = (*file)->write_at(0, as_bytes(text));
    if (!put) return put;
    return (*file)->sync();
  }();
  auto const renamed = written ? files_.rename(temporary, path + ".refs") : written;
  if (!renamed) {
    (void)files_.remove(temporary);
    return renamed.error();
  }
  return false;
}

}  // namespace hubd::cache
