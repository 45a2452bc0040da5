// SPDX-License-Identifier: Apache-2.0
#include "core/cache/shared_store_writer.h"

#include <array>

#include "core/base/digest.h"

namespace hubd::cache {
namespace {

constexpr mode_t kEveryone = 0666;  // locks and manifests: every user of the cache writes to them
constexpr std::string_view kMarker = ".huggingface-shared-blobs";

std::string folder_of(std::string const& path) { return path.substr(0, path.find_last_of('/')); }
bool is_same_file(fs::Stat const& a, fs::Stat const& b) { return a.device == b.device && a.inode == b.inode; }
bool is_usable(fs::Stat const& stat, Bytes size) { return stat.type == fs::Stat::Type::regular && stat.size == size; }

/// Read only, for whoever may enter the root.
mode_t payload_mode(fs::Stat const& root) {
  mode_t mode = 0400;
  if ((root.mode & 0010U) != 0) mode |= 0040U;
  if ((root.mode & 0001U) != 0) mode |= 0004U;
  return mode;
}

/// Made as the root is, whatever the umask.
Result<void> make_folder(fs::FileSystem& files, std::string const& path, fs::Stat const& root) {
  auto const made = files.make_directories(path);
  if (!made) return made;
  auto const folder = files.open(path, fs::OpenMode::read, 0, true);
  if (!folder) return folder.error();
  auto const stat = (*folder)->stat();
  if (!stat) return stat.error();
  auto const wanted = root.mode & 03777U;
  if (stat->mode == wanted) return {};
  return (*folder)->set_mode(wanted);
}

bool is_marker_temporary(std::string_view name) { return name.starts_with(kMarker) && name.ends_with(".tmp"); }

}  // namespace

Result<bool> SharedStoreWriter::make_store() {
  if (store_.marked()) return true;
  auto const folder = root_ + "/blobs";
  auto const root = files_.stat(root_);
  if (!root) return root.error();
  auto const there = files_.lstat(folder);
  if (there) {  // may be adopted only when nobody else's things are in it
    if (there->type != fs::Stat::Type::directory) return false;
    auto const names = files_.list(folder);
    if (!names) return names.error();
    for (auto const& name : *names)
      if (!is_marker_temporary(name)) return store_.marked();
  }
  auto const made = make_folder(files_, folder, *root);
  if (!made) return made.error();
  auto const marker = folder + "/" + std::string(kMarker);
  auto const temporary = marker + "." + random_.hex(8) + ".tmp";
  auto const written = [&]() -> Result<void> {
    auto const file = files_.open(temporary, fs::OpenMode::create_exclusive);
    if (!file) return file.error();
    auto const put = (*file)->write_at(0, as_bytes("1\n"));
    if (!put) return put;
    auto const mode = (*file)->set_mode(payload_mode(*root));
    if (!mode) return mode;
    return (*file)->sync();
  }();
  auto const renamed = written ? files_.rename(temporary, marker) : written;
  if (!renamed) {
    (void)files_.remove(temporary);
    return renamed.error();
  }
  return true;
}

Result<bool> SharedStoreWriter::make_shelf(std::string_view hash) {
  if (!Sha256::parse(hash)) return false;
  auto const made = make_store();
  if (!made || !*made) return made;
  auto const root = files_.stat(root_);
  if (!root) return root.error();
  auto const shelf = make_folder(files_, folder_of(store_.payload(hash)), *root);
  if (!shelf) return shelf.error();
  return true;
}

Result<void> SharedStoreWriter::set_payload_rights(std::string const& path, fs::Stat const& shelf) {
  auto const root = files_.stat(root_);
  if (!root) return root.error();
  auto const mode = payload_mode(*root);
  auto const file = files_.open(path, fs::OpenMode::read, 0, true);
  if (!file) return file.error();
  auto const stat = (*file)->stat();
  if (!stat) return stat.error();
  if (stat->gid != shelf.gid) {
    auto const given = (*file)->set_group(shelf.gid);
    bool const others_may = (mode & 0004U) != 0 || (mode & 0040U) == 0;
    if (!given && !others_may) return given;  // its group could not read it
  }
  auto const set = (*file)->set_mode(mode);
  if (!set) return set;
  return (*file)->sync();
}

Result<void> SharedStoreWriter::move_in(Entry const& entry, fs::Stat const& own) {
  auto const payload = store_.payload(entry.hash);
  auto const shelf = files_.stat(folder_of(payload));
  if (!shelf) return shelf.error();
  auto const temporary = scratch_();
  auto const linked = own.links > 1 ? Result<void>(fail(ErrorKind::io, "it has other names")) : files_.link(entry.blob, temporary);
  auto const copied = linked ? linked : files_.copy(entry.blob, temporary);
  if (!copied) return copied;
  auto const prepared = set_payload_rights(temporary, *shelf);
  auto const moved = prepared ? files_.rename(temporary, payload) : prepared;
  if (!moved) {
    (void)files_.remove(temporary);
    return moved;
  }
  return files_.sync_directory(folder_of(payload));
}

Result<void> SharedStoreWriter::add_reference(Entry const& entry) {
  auto const manifest = files_.open(store_.payload(entry.hash) + ".refs", fs::OpenMode::create, kEveryone, true);
  if (!manifest) return manifest.error();
  auto const stat = (*manifest)->stat();
  if (!stat) return stat.error();
  if (stat->type != fs::Stat::Type::regular) return fail(ErrorKind::io, "the manifest of payload " + entry.hash + " is not a file");
  if (stat->mode != kEveryone) (void)(*manifest)->set_mode(kEveryone);  // not ours to change: then it can be written anyway
  std::string line = entry.blob.substr(root_.size() + 1) + "\n";
  if (stat->size > 0) {  // what a crash cut short must not swallow this line
    std::array<std::byte, 1> last{};
    auto const read = (*manifest)->read_at(stat->size - 1, last);
    if (!read) return read.error();
    if (last[0] != std::byte{'\n'}) line.insert(line.begin(), '\n');
  }
  auto const put = (*manifest)->write_at(stat->size, as_bytes(line));
  if (!put) return put;
  return (*manifest)->sync();
}

Result<void> SharedStoreWriter::point(Entry const& entry) {
  auto const noted = add_reference(entry);
  if (!noted) return noted;
  auto const temporary = scratch_();
  auto const linked = files_.symlink("../../blobs/" + entry.hash.substr(0, 2) + "/" + entry.hash, temporary);
  auto const renamed = linked ? files_.rename(temporary, entry.blob) : linked;
  if (!renamed) (void)files_.remove(temporary);
  return renamed;
}

Result<bool> SharedStoreWriter::publish(Entry const& entry, std::function<bool(fs::Stat const&)> const& trusted) {
  auto const shelf = make_shelf(entry.hash);
  if (!shelf || !*shelf) return shelf;
  auto const payload = store_.payload(entry.hash);
  auto const lock = files_.try_lock(payload + ".lock", kEveryone);
  if (!lock) return lock.error();
  if (!*lock) return false;
  auto const own = files_.lstat(entry.blob);
  if (!own) return own.error();
  if (!is_usable(*own, entry.size)) return false;
  auto const there = files_.lstat(payload);
  bool const keep = there && is_usable(*there, entry.size) && (is_same_file(*own, *there) || trusted(*there));
  if (!keep) {
    auto const moved = move_in(entry, *own);
    if (!moved) return moved.error();
  }
  auto const pointed = point(entry);
  if (!pointed) return pointed.error();
  return true;
}

Result<bool> SharedStoreWriter::refer(Entry const& entry) {
  if (!Sha256::parse(entry.hash) || !store_.marked()) return false;
  auto const payload = store_.payload(entry.hash);
  if (!files_.lstat(payload)) return false;  // before a lock file is made for it
  auto const lock = files_.try_lock(payload + ".lock", kEveryone);
  if (!lock) return lock.error();
  if (!*lock) return false;
  auto const there = files_.lstat(payload);
  if (!there || !is_usable(*there, entry.size)) return false;
  if (!files_.open(payload, fs::OpenMode::read, 0, true)) return false;
  auto const pointed = point(entry);
  if (!pointed) return pointed.error();
  return true;
}

}  // namespace hubd::cache
