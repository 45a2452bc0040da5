// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/base/random.h"

namespace hubd::support {
namespace {

/// The index of a write-ahead log, as connections of one process share it.
struct Shared {
  std::vector<std::unique_ptr<std::vector<std::byte>>> regions;
  std::array<int, SQLITE_SHM_NLOCK> readers{};
  std::array<bool, SQLITE_SHM_NLOCK> writer{};
  int users = 0;
};

std::string folder_of(std::string const& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

struct SimSqlite::Vfs {
  explicit Vfs(fs::FileSystem& the) : files(the), random(seeded_random(1)) {}
  fs::FileSystem& files;
  sqlite3_vfs* real = nullptr;
  sqlite3_vfs methods{};
  std::unique_ptr<Random> random;  // salts: the same in every run
  std::map<std::string, Shared> shared;
  std::size_t open = 0;
  int last_errno = 0;
};

namespace {

using Vfs = SimSqlite::Vfs;

struct SimDatabaseFile {
  sqlite3_file base;  // first: SQLite knows only this
  Vfs* vfs;
  std::unique_ptr<fs::File> file;
  std::string path;
  bool name_unsynced;  // its folder was not synced since it was created
  bool remove_at_close;
  std::array<bool, SQLITE_SHM_NLOCK> reads;
  std::array<bool, SQLITE_SHM_NLOCK> writes;
  Shared* index;
};

SimDatabaseFile& as_sim(sqlite3_file* file) { return *reinterpret_cast<SimDatabaseFile*>(file); }
Vfs& as_sim(sqlite3_vfs* vfs) { return *static_cast<Vfs*>(vfs->pAppData); }

int code_of(Vfs& vfs, Error const& error, int otherwise) {
  vfs.last_errno = error.kind == ErrorKind::disk_full ? ENOSPC : EIO;
  return error.kind == ErrorKind::disk_full ? SQLITE_FULL : otherwise;
}

int close_index(SimDatabaseFile& file) {
  if (file.index == nullptr) return SQLITE_OK;
  for (std::size_t i = 0; i < SQLITE_SHM_NLOCK; ++i) {
    if (file.reads[i]) --file.index->readers[i];
    if (file.writes[i]) file.index->writer[i] = false;
    file.reads[i] = file.writes[i] = false;
  }
  if (--file.index->users == 0) file.vfs->shared.erase(file.path);
  file.index = nullptr;
  return SQLITE_OK;
}

int close(sqlite3_file* raw) {
  auto& file = as_sim(raw);
  close_index(file);
  if (file.remove_at_close) (void)file.vfs->files.remove(file.path);
  --file.vfs->open;
  file.~SimDatabaseFile();
  return SQLITE_OK;
}

int read(sqlite3_file* raw, void* out, int size, sqlite3_int64 offset) {
  auto& file = as_sim(raw);
  std::span const space(static_cast<std::byte*>(out), static_cast<std::size_t>(size));
  auto const count = file.file->read_at(static_cast<Bytes>(offset), space);
  if (!count) return code_of(*file.vfs, count.error(), SQLITE_IOERR_READ);
  if (*count == space.size()) return SQLITE_OK;
  std::ranges::fill(space.subspan(static_cast<std::size_t>(*count)), std::byte{0});
  return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* raw, void const* data, int size, sqlite3_int64 offset) {
  auto& file = as_sim(raw);
  std::span const bytes(static_cast<std::byte const*>(data), static_cast<std::size_t>(size));
  auto const written = file.file->write_at(static_cast<Bytes>(offset), bytes);
  return written ? SQLITE_OK : code_of(*file.vfs, written.error(), SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* raw, sqlite3_int64 size) {
  auto& file = as_sim(raw);
  auto const cut = file.file->truncate(static_cast<Bytes>(size));
  return cut ? SQLITE_OK : code_of(*file.vfs, cut.error(), SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* raw, int) {
  auto& file = as_sim(raw);
  auto synced = file.file->sync();
  if (synced && file.name_unsynced) synced = file.vfs->files.sync_directory(folder_of(file.path));
  if (!synced) return code_of(*file.vfs, synced.error(), SQLITE_IOERR_FSYNC);
  file.name_unsynced = false;
  return SQLITE_OK;
}

int file_size(sqlite3_file* raw, sqlite3_int64* size) {
  auto& file = as_sim(raw);
  auto const stat = file.file->stat();
  if (!stat) return code_of(*file.vfs, stat.error(), SQLITE_IOERR_FSTAT);
  *size = static_cast<sqlite3_int64>(stat->size);
  return SQLITE_OK;
}

// One connection per file, and nobody else: its locks are always free.
int lock(sqlite3_file*, int) { return SQLITE_OK; }
int unlock(sqlite3_file*, int) { return SQLITE_OK; }
int check_reserved(sqlite3_file*, int* taken) {
  *taken = 0;
  return SQLITE_OK;
}

int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 512; }
int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int map_index(sqlite3_file* raw, int region, int size, int extend, void volatile** out) {
  auto& file = as_sim(raw);
  if (file.index == nullptr) {
    file.index = &file.vfs->shared[file.path];
    ++file.index->users;
  }
  auto& regions = file.index->regions;
  auto const wanted = static_cast<std::size_t>(region) + 1;
  *out = nullptr;
  if (regions.size() < wanted && extend == 0) return SQLITE_OK;
  while (regions.size() < wanted) regions.push_back(std::make_unique<std::vector<std::byte>>(static_cast<std::size_t>(size)));
  *out = regions[wanted - 1]->data();
  return SQLITE_OK;
}

int lock_index(sqlite3_file* raw, int first, int count, int flags) {
  auto& file = as_sim(raw);
  auto& index = *file.index;
  auto const from = static_cast<std::size_t>(first);
  auto const end = from + static_cast<std::size_t>(count);
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (auto i = from; i < end; ++i) {
      if (file.reads[i]) --index.readers[i];
      if (file.writes[i]) index.writer[i] = false;
      file.reads[i] = file.writes[i] = false;
    }
    return SQLITE_OK;
  }
  bool const alone = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  for (auto i = from; i < end; ++i) {
    bool const others_write = index.writer[i] && !file.writes[i];
    bool const others_read = index.readers[i] > (file.reads[i] ? 1 : 0);
    if (others_write || (alone && others_read)) return SQLITE_BUSY;
  }
  for (auto i = from; i < end; ++i) {
    if (alone) {
      index.writer[i] = file.writes[i] = true;
    } else if (!file.reads[i]) {
      ++index.readers[i];
      file.reads[i] = true;
    }
  }
  return SQLITE_OK;
}

void barrier(sqlite3_file*) {}
int unmap_index(sqlite3_file* raw, int) { return close_index(as_sim(raw)); }

constexpr sqlite3_io_methods file_methods{2,           close,        read,      write,         truncate,        sync,      file_size,
                                          lock,        unlock,       check_reserved, control,  sector_size,     characteristics,
                                          map_index,   lock_index,   barrier,   unmap_index,   nullptr,         nullptr};

int open(sqlite3_vfs* raw, sqlite3_filename name, sqlite3_file* out, int flags, int* out_flags) {
  auto& vfs = as_sim(raw);
  if (name == nullptr) return vfs.real->xOpen(vfs.real, name, out, flags, out_flags);  // a temporary without a name
  out->pMethods = nullptr;
  auto const mode = (flags & SQLITE_OPEN_CREATE) != 0 ? fs::OpenMode::create : (flags & SQLITE_OPEN_READWRITE) != 0 ? fs::OpenMode::read_write : fs::OpenMode::read;
  bool const is_new = !vfs.files.lstat(name).has_value();
  auto file = vfs.files.open(name, mode, 0600);
  if (!file) return code_of(vfs, file.error(), SQLITE_CANTOPEN);
  auto* const made = new (out) SimDatabaseFile{{&file_methods}, &vfs, std::move(*file), name, is_new, (flags & SQLITE_OPEN_DELETEONCLOSE) != 0, {}, {}, nullptr};
  ++made->vfs->open;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* raw, char const* name, int sync_folder) {
  auto& vfs = as_sim(raw);
  if (!vfs.files.lstat(name)) return SQLITE_IOERR_DELETE_NOENT;
  auto removed = vfs.files.remove(name);
  if (removed && sync_folder != 0) removed = vfs.files.sync_directory(folder_of(name));
  return removed ? SQLITE_OK : code_of(vfs, removed.error(), SQLITE_IOERR_DELETE);
}

int access(sqlite3_vfs* raw, char const* name, int flags, int* yes) {
  auto& vfs = as_sim(raw);
  auto const stat = vfs.files.lstat(name);
  *yes = stat && (flags != SQLITE_ACCESS_EXISTS || stat->size > 0) ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, char const* name, int size, char* out) {
  if (std::strlen(name) >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::strcpy(out, name);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs* raw, int size, char* out) {
  for (int i = 0; i < size; ++i) out[i] = static_cast<char>(as_sim(raw).random->next());
  return size;
}

int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
int current_time(sqlite3_vfs*, sqlite3_int64* time) {
  *time = sqlite3_int64{2'462'503} * 86'400'000;  // 2030-01-02
  return SQLITE_OK;
}
int last_error(sqlite3_vfs* raw, int, char*) { return as_sim(raw).last_errno; }

}  // namespace

SimSqlite::SimSqlite(fs::FileSystem& files) : vfs_(std::make_unique<Vfs>(files)) {
  vfs_->real = sqlite3_vfs_find(nullptr);
  assert(vfs_->real != nullptr && vfs_->real->xOpen != open && "one SimSqlite at a time");
  auto& methods = vfs_->methods;
  methods.iVersion = 2;
  methods.szOsFile = std::max(static_cast<int>(sizeof(SimDatabaseFile)), vfs_->real->szOsFile);
  methods.mxPathname = 512;
  methods.zName = "hubd-sim";
  methods.pAppData = vfs_.get();
  methods.xOpen = open;
  methods.xDelete = remove;
  methods.xAccess = access;
  methods.xFullPathname = full_path;
  methods.xRandomness = randomness;
  methods.xSleep = sleep;
  methods.xGetLastError = last_error;
  methods.xCurrentTimeInt64 = current_time;
  sqlite3_vfs_register(&methods, 1);
  sqlite3_randomness(0, nullptr);  // begun again, by our seed
}

SimSqlite::~SimSqlite() {
  assert(vfs_->open == 0 && "a database outlived its disk");
  sqlite3_vfs_unregister(&vfs_->methods);
  sqlite3_vfs_register(vfs_->real, 1);
}

}  // namespace hubd::support
