// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_file_system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace hubd::support {
namespace {

using Type = fs::Stat::Type;

constexpr std::size_t kLogMax = 10'000;
constexpr mode_t kRead = 0400;
constexpr mode_t kWrite = 0200;
constexpr uid_t kUser = 1000;

ErrorKind kind_of(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR: return ErrorKind::local_entry_not_found;
    case ENOSPC: return ErrorKind::disk_full;
    case EACCES:
    case EPERM: return ErrorKind::permission_denied;
    default: return ErrorKind::io;
  }
}

int code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::disk_full: return ENOSPC;
    case ErrorKind::permission_denied: return EACCES;
    case ErrorKind::local_entry_not_found: return ENOENT;
    default: return EIO;
  }
}

Error failure(std::string_view doing, std::string const& path, int code) {
  std::error_code const cause(code, std::generic_category());
  return fail(kind_of(code), std::string(doing) + " " + path + ": " + cause.message(), cause);
}

}  // namespace

class SimFileSystem::SimFile final : public fs::File {
 public:
  SimFile(SimFileSystem& owner, NodePtr node, std::string path, bool writable)
      : owner_(owner), node_(std::move(node)), path_(std::move(path)), writable_(writable), life_(owner.life_) {
    ++node_->handles;
  }
  SimFile(SimFile const&) = delete;
  SimFile& operator=(SimFile const&) = delete;
  ~SimFile() override {
    std::scoped_lock const lock(owner_.mutex_);
    if (life_ != owner_.life_) return;
    --node_->handles;
    owner_.release(*node_);
  }

  Result<Bytes> read_at(Bytes offset, std::span<std::byte> out) const override {
    std::scoped_lock const lock(owner_.mutex_);
    auto const usable = check("read", false);
    if (!usable) return usable.error();
    if (node_->type != Type::regular) return failure("read", path_, EISDIR);
    return node_->content.read(offset, out);
  }
  Result<void> write_at(Bytes offset, std::span<std::byte const> data) override {
    std::scoped_lock const lock(owner_.mutex_);
    auto const usable = check("write", true);
    if (!usable) return usable;
    return owner_.write(*node_, path_, offset, data);
  }
  Result<void> reserve(Bytes size) override {
    std::scoped_lock const lock(owner_.mutex_);
    auto usable = check("reserve space for", true);
    if (usable) usable = owner_.begin(Operation::reserve, path_);
    if (!usable) return usable;
    auto const before = node_->content.allocated();
    if (node_->content.allocated_with(size) - before > owner_.free()) return failure("reserve space for", path_, ENOSPC);
    node_->content.reserve(size);
    owner_.used_ += node_->content.allocated() - before;
    return {};
  }
  Result<void> truncate(Bytes size) override {
    std::scoped_lock const lock(owner_.mutex_);
    auto usable = check("truncate", true);
    if (usable) usable = owner_.begin(Operation::truncate, path_);
    if (!usable) return usable;
    owner_.used_ -= node_->content.allocated();
    node_->content.truncate(size);
    owner_.used_ += node_->content.allocated();
    owner_.touch(*node_);
    return {};
  }
  Result<void> sync() override {
    std::scoped_lock const lock(owner_.mutex_);
    auto usable = check("sync", false);
    if (usable) usable = owner_.begin(Operation::sync, path_);
    if (!usable) return usable;
    node_->content.sync();
    return {};
  }
  Result<fs::Stat> stat() const override {
    std::scoped_lock const lock(owner_.mutex_);
    auto const usable = check("stat", false);
    if (!usable) return usable.error();
    return owner_.stat_of(*node_);
  }
  Result<void> set_mode(mode_t mode) override {
    std::scoped_lock const lock(owner_.mutex_);
    auto usable = check("change the mode of", false);
    if (usable) usable = owner_.begin(Operation::set_mode, path_);
    if (!usable) return usable;
    node_->mode = mode & 07777U;
    return {};
  }
  Result<void> set_group(gid_t group) override {
    auto const usable = stat();
    if (!usable) return usable.error();
    return group == usable->gid ? Result<void>() : failure("change the group of", path_, EPERM);  // one user, one group
  }
  int descriptor() const override { return -1; }

 private:
  Result<void> check(char const* doing, bool writing) const {
    if (life_ != owner_.life_) return fail(ErrorKind::io, std::string(doing) + " " + path_ + ": it was opened before the crash");
    if (writing && !writable_) return failure(doing, path_, EBADF);
    return owner_.alive(doing, path_);
  }

  SimFileSystem& owner_;
  NodePtr node_;
  std::string path_;
  bool writable_;
  std::uint64_t life_;
};

class SimFileSystem::SimLock final : public fs::Lock {
 public:
  SimLock(SimFileSystem& owner, NodePtr node, std::string path)
      : owner_(owner), node_(std::move(node)), path_(std::move(path)), life_(owner.life_) {
    node_->locked = true;
    ++node_->handles;
  }
  SimLock(SimLock const&) = delete;
  SimLock& operator=(SimLock const&) = delete;
  ~SimLock() override {
    std::scoped_lock const lock(owner_.mutex_);
    if (life_ != owner_.life_) return;
    node_->locked = false;
    --node_->handles;
    owner_.release(*node_);
  }
  Result<bool> still_valid() const override {
    std::scoped_lock const lock(owner_.mutex_);
    if (life_ != owner_.life_) return fail(ErrorKind::io, "stat " + path_ + ": it was locked before the crash");
    auto const alive = owner_.alive("stat", path_);
    if (!alive) return alive.error();
    Place place;
    if (owner_.names_.find(path_, false, place) != 0) return false;
    return place.node == node_;
  }

 private:
  SimFileSystem& owner_;
  NodePtr node_;
  std::string path_;
  std::uint64_t life_;
};

SimFileSystem::SimFileSystem() : SimFileSystem(Options()) {}
SimFileSystem::SimFileSystem(Options options) : options_(options), random_(seeded_random(options.seed)) {}
SimFileSystem::~SimFileSystem() = default;

// --- Knobs -----------------------------------------------------------------------------------------------------------

void SimFileSystem::fail_operation(std::uint64_t n, ErrorKind kind) {
  std::scoped_lock const lock(mutex_);
  plans_.push_back({n, true, Operation::create, kind});
}

void SimFileSystem::fail_operation(std::uint64_t n, Operation only, ErrorKind kind) {
  std::scoped_lock const lock(mutex_);
  plans_.push_back({n, false, only, kind});
}

void SimFileSystem::crash_at(std::uint64_t n) {
  std::scoped_lock const lock(mutex_);
  crash_countdown_ = n;
}

bool SimFileSystem::dead() const {
  std::scoped_lock const lock(mutex_);
  return dead_;
}

void SimFileSystem::crash(Loss loss) {
  std::scoped_lock const lock(mutex_);
  ++life_;
  dead_ = false;
  crash_countdown_ = 0;
  plans_.clear();
  auto* const random = loss == Loss::some ? random_.get() : nullptr;
  if (loss != Loss::none) {
    names_.lose_unsynced(random);
    names_.count_links();
  }
  used_ = 0;
  names_.visit([&](Node& node) {
    node.handles = 0;
    node.locked = false;
    if (loss != Loss::none) node.content.lose_unsynced(random);
    used_ += node.content.allocated();
  });
}

void SimFileSystem::heal() {
  std::scoped_lock const lock(mutex_);
  plans_.clear();
  crash_countdown_ = 0;
}

void SimFileSystem::set_capacity(Bytes capacity) {
  std::scoped_lock const lock(mutex_);
  options_.capacity = capacity;
}

void SimFileSystem::change_mode(std::string const& path, mode_t mode) {
  std::scoped_lock const lock(mutex_);
  Place place;
  if (names_.find(path, true, place) == 0 && place.node) place.node->mode = mode;
}

void SimFileSystem::plant(std::string const& path, std::string_view text) {
  std::scoped_lock const lock(mutex_);
  Place place;
  for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (names_.find(path.substr(0, slash), true, place) != 0 || place.node) continue;
    names_.add(place, names_.make_node(Type::directory, 0777 & ~options_.umask));
    names_.sync_folder(place.folder);
  }
  if (names_.find(path, true, place) != 0) return;
  if (!place.node) {
    place.node = names_.make_node(Type::regular, 0666 & ~options_.umask);
    names_.add(place, place.node);
    names_.sync_folder(place.folder);
  }
  used_ -= place.node->content.allocated();
  place.node->content.truncate(0);
  place.node->content.write(0, as_bytes(text));
  place.node->content.sync();
  used_ += place.node->content.allocated();
  touch(*place.node);
}

void SimFileSystem::rot(std::string const& path, Bytes offset) {
  std::scoped_lock const lock(mutex_);
  Place place;
  if (names_.find(path, true, place) != 0 || !place.node || place.node->type != Type::regular) return;
  std::array<std::byte, 1> byte{};
  place.node->content.read(offset, byte);
  byte[0] ^= std::byte{1};
  place.node->content.write(offset, byte);
  place.node->content.sync();
}

std::string SimFileSystem::content(std::string const& path) const {
  std::scoped_lock const lock(mutex_);
  Place place;
  int const code = names_.find(path, true, place);
  if (code != 0 || !place.node || place.node->type != Type::regular) return "(" + path + " is no file)";
  std::string text(static_cast<std::size_t>(place.node->content.size()), '\0');
  place.node->content.read(0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
  return text;
}

// --- What happened ---------------------------------------------------------------------------------------------------

std::uint64_t SimFileSystem::operations() const {
  std::scoped_lock const lock(mutex_);
  return operations_;
}

std::vector<SimFileSystem::Entry> SimFileSystem::log() const {
  std::scoped_lock const lock(mutex_);
  return {log_.begin(), log_.end()};
}

std::string_view SimFileSystem::name_of(Operation operation) {
  constexpr std::array<std::string_view, 13> names{"create",         "write",   "reserve", "truncate", "sync",
                                                   "set_mode",       "make_directory", "rename", "link",     "symlink",
                                                   "remove",         "remove_directory", "sync_directory"};
  return names[static_cast<std::size_t>(operation)];
}

std::string SimFileSystem::log_text() const {
  std::string text;
  for (auto const& entry : log()) {
    text += name_of(entry.operation);
    text += " " + entry.path + (entry.failed ? " (failed)\n" : "\n");
  }
  return text;
}

std::vector<std::string> SimFileSystem::take_named() {
  std::scoped_lock const lock(mutex_);
  names_wanted_ = true;
  return std::exchange(named_, {});
}

Bytes SimFileSystem::used() const {
  std::scoped_lock const lock(mutex_);
  return used_;
}

std::size_t SimFileSystem::locks_held() const {
  std::scoped_lock const lock(mutex_);
  std::size_t count = 0;
  names_.visit([&](Node const& node) { count += node.locked ? 1 : 0; });
  return count;
}

// --- fs::FileSystem --------------------------------------------------------------------------------------------------

Result<std::unique_ptr<fs::File>> SimFileSystem::open(std::string const& path, fs::OpenMode mode, mode_t permissions,
                                                      bool nofollow) {
  std::scoped_lock const lock(mutex_);
  bool const exclusive = mode == fs::OpenMode::create_exclusive;
  bool const writing = mode != fs::OpenMode::read;
  auto place = find("open", path, !nofollow && !exclusive);
  if (!place) return place.error();
  if (!place->node) {
    if (!exclusive && mode != fs::OpenMode::create) return failure("open", path, ENOENT);
    auto const made = create(*place, path, Type::regular, permissions & ~options_.umask);
    if (!made) return made.error();
    return std::unique_ptr<fs::File>(std::make_unique<SimFile>(*this, *made, path, true));
  }
  auto const& node = place->node;
  if (exclusive) return failure("open", path, EEXIST);
  if (node->type == Type::symlink) return failure("open", path, ELOOP);
  if (node->type == Type::directory && writing) return failure("open", path, EISDIR);
  mode_t const needed = writing ? kRead | kWrite : kRead;
  if ((node->mode & needed) != needed) return failure("open", path, EACCES);
  return std::unique_ptr<fs::File>(std::make_unique<SimFile>(*this, node, path, writing));
}

Result<fs::Stat> SimFileSystem::lstat(std::string const& path) {
  std::scoped_lock const lock(mutex_);
  auto const place = find_existing("stat", path, false);
  if (!place) return place.error();
  return stat_of(*place->node);
}

Result<fs::Stat> SimFileSystem::stat(std::string const& path) {
  std::scoped_lock const lock(mutex_);
  auto const place = find_existing("stat", path, true);
  if (!place) return place.error();
  return stat_of(*place->node);
}

Result<std::vector<std::string>> SimFileSystem::list(std::string const& directory) {
  std::scoped_lock const lock(mutex_);
  auto const place = find_existing("list", directory, true);
  if (!place) return place.error();
  if (place->node->type != Type::directory) return failure("list", directory, ENOTDIR);
  if ((place->node->mode & kRead) == 0) return failure("list", directory, EACCES);
  std::vector<std::string> names;
  for (auto const& [name, node] : place->node->entries) names.push_back(name);
  return names;
}

Result<void> SimFileSystem::make_directories(std::string const& path, mode_t mode) {
  std::scoped_lock const lock(mutex_);
  for (auto slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    auto const part = path.substr(0, slash);
    auto const place = find("create directory", part, true);
    if (!place) return place.error();
    if (place->node && place->node->type != Type::directory) return failure("create directory", part, ENOTDIR);
    if (!place->node) {
      auto const made = create(*place, part, Type::directory, mode & ~options_.umask);
      if (!made) return made.error();
    }
    if (slash == std::string::npos) return {};
  }
}

Result<void> SimFileSystem::rename(std::string const& from_path, std::string const& to_path) {
  std::scoped_lock const lock(mutex_);
  auto const both = from_path + " to " + to_path;
  auto const from = find_existing("rename", from_path, false);
  if (!from) return from.error();
  auto const to = find("rename", to_path, false);
  if (!to) return to.error();
  if (!from->folder || !to->folder) return failure("rename", both, EBUSY);
  auto checked = check_parent("rename", *from, both);
  if (checked) checked = check_parent("rename", *to, both);
  if (!checked) return checked;
  if (to->node) {
    bool const from_folder = from->node->type == Type::directory;
    bool const to_folder = to->node->type == Type::directory;
    if (from_folder && !to_folder) return failure("rename", both, ENOTDIR);
    if (!from_folder && to_folder) return failure("rename", both, EISDIR);
    if (to_folder && to->node != from->node && !to->node->entries.empty()) return failure("rename", both, ENOTEMPTY);
  }
  if (from->node != to->folder && from->node->type == Type::directory && SimNames::is_inside(from->node, to->folder))
    return failure("rename", both, EINVAL);
  auto const begun = begin(Operation::rename, both);
  if (!begun) return begun;
  if (to->node == from->node) return {};  // two links of one inode: nothing happens, says POSIX
  names_.move(*from, *to);
  if (names_wanted_) named_.push_back(to_path);
  touch(*from->folder);
  touch(*to->folder);
  if (to->node) release(*to->node);
  return {};
}

Result<void> SimFileSystem::link(std::string const& target, std::string const& path) {
  std::scoped_lock const lock(mutex_);
  auto const both = target + " as " + path;
  auto const source = find_existing("hard-link", target, false);
  if (!source) return source.error();
  auto const place = find("hard-link", path, false);
  if (!place) return place.error();
  if (source->node->type == Type::directory) return failure("hard-link", both, EPERM);
  if (place->node) return failure("hard-link", both, EEXIST);
  auto checked = check_parent("hard-link", *place, both);
  if (checked) checked = begin(Operation::link, both);
  if (!checked) return checked;
  names_.add(*place, source->node);
  if (names_wanted_) named_.push_back(path);
  touch(*place->folder);
  return {};
}

Result<void> SimFileSystem::symlink(std::string const& target, std::string const& path) {
  std::scoped_lock const lock(mutex_);
  auto const place = find("symlink", path, false);
  if (!place) return place.error();
  if (place->node) return failure("symlink", path, EEXIST);
  auto const made = create(*place, path, Type::symlink, 0777);
  if (!made) return made.error();
  (*made)->target = target;
  return {};
}

Result<std::string> SimFileSystem::read_symlink(std::string const& path) {
  std::scoped_lock const lock(mutex_);
  auto const place = find_existing("read link", path, false);
  if (!place) return place.error();
  if (place->node->type != Type::symlink) return failure("read link", path, EINVAL);
  return place->node->target;
}

Result<void> SimFileSystem::remove(std::string const& path) {
  std::scoped_lock const lock(mutex_);
  return unlink(path, false);
}

Result<void> SimFileSystem::remove_directory(std::string const& path) {
  std::scoped_lock const lock(mutex_);
  return unlink(path, true);
}

Result<void> SimFileSystem::remove_tree(std::string const& path) {
  auto const have = lstat(path);
  if (!have) {
    if (have.error().kind == ErrorKind::local_entry_not_found) return {};
    return have.error();
  }
  if (have->type != Type::directory) return remove(path);
  auto const names = list(path);
  if (!names) return names.error();
  for (auto const& name : *names) {
    auto const removed = remove_tree(path + "/" + name);
    if (!removed) return removed;
  }
  return remove_directory(path);
}

Result<void> SimFileSystem::sync_directory(std::string const& path) {
  std::scoped_lock const lock(mutex_);
  auto const place = find_existing("open directory", path, true);
  if (!place) return place.error();
  if (place->node->type != Type::directory) return failure("open directory", path, ENOTDIR);
  auto const begun = begin(Operation::sync_directory, path);
  if (!begun) return begun;
  names_.sync_folder(place->node);
  return {};
}

Result<void> SimFileSystem::copy(std::string const& from, std::string const& to) {
  auto const source = open(from, fs::OpenMode::read, 0, false);
  if (!source) return source.error();
  auto const stat = (*source)->stat();
  if (!stat) return stat.error();
  auto const target = open(to, fs::OpenMode::create_exclusive, 0666, false);
  if (!target) return target.error();
  std::vector<std::byte> bytes(static_cast<std::size_t>(stat->size));
  auto const read = (*source)->read_at(0, bytes);
  auto const copied = read ? (*target)->write_at(0, bytes) : Result<void>(read.error());
  if (!copied) (void)remove(to);
  return copied;
}

Result<Bytes> SimFileSystem::free_space(std::string const& path) {
  std::scoped_lock const lock(mutex_);
  auto const place = find_existing("measure free space of", path, true);
  if (!place) return place.error();
  return free();
}

Result<bool> SimFileSystem::writable(std::string const& path) {
  std::scoped_lock const lock(mutex_);
  auto const place = find_existing("check", path, true);
  if (!place) return place.error();
  return (place->node->mode & kWrite) != 0;
}

Result<std::unique_ptr<fs::Lock>> SimFileSystem::try_lock(std::string const& path, mode_t mode) {
  std::scoped_lock const lock(mutex_);
  auto place = find("open lock", path, false);
  if (!place) return place.error();
  auto node = place->node;
  if (!node) {
    auto const made = create(*place, path, Type::regular, mode);
    if (!made) return made.error();
    node = *made;
  }
  if (node->type == Type::symlink) return failure("open lock", path, ELOOP);
  if (node->type == Type::directory) return failure("open lock", path, EISDIR);
  if ((node->mode & kRead) == 0) return failure("open lock", path, EACCES);
  if (node->locked) return std::unique_ptr<fs::Lock>();
  return std::unique_ptr<fs::Lock>(std::make_unique<SimLock>(*this, node, path));
}

// --- Inside ----------------------------------------------------------------------------------------------------------

Result<void> SimFileSystem::alive(char const* doing, std::string const& path) const {
  if (!dead_) return {};
  return fail(ErrorKind::io, std::string(doing) + " " + path + ": the process has died");
}

Result<void> SimFileSystem::begin(Operation operation, std::string const& path) {
  ++operations_;
  log_.push_back({operation, path, false});
  if (log_.size() > kLogMax) log_.pop_front();
  bool const dies = crash_countdown_ > 0 && --crash_countdown_ == 0;
  ErrorKind kind{};
  bool fails = false;
  for (auto& plan : plans_) {
    if (plan.countdown == 0 || (!plan.any && plan.only != operation) || --plan.countdown > 0) continue;
    kind = plan.kind;
    fails = true;
  }
  if (!dies && !fails) return {};
  log_.back().failed = true;
  auto const doing = std::string(name_of(operation));
  if (dies) {
    dead_ = true;
    return alive(doing.c_str(), path);
  }
  auto error = failure(doing, path, code_of(kind));
  error.kind = kind;
  return error;
}

Result<SimFileSystem::NodePtr> SimFileSystem::create(Place const& place, std::string const& path, Type type, mode_t mode) {
  auto const operation = type == Type::directory ? Operation::make_directory
                         : type == Type::symlink ? Operation::symlink
                                                 : Operation::create;
  auto checked = check_parent("create", place, path);
  if (checked) checked = begin(operation, path);
  if (!checked) return checked.error();
  auto node = names_.make_node(type, mode & 07777U);
  names_.add(place, node);
  touch(*node);
  touch(*place.folder);
  return node;
}

Result<void> SimFileSystem::write(Node& node, std::string const& path, Bytes offset, std::span<std::byte const> data) {
  if (data.empty()) return {};
  auto result = begin(Operation::write, path);
  // A write that fails, or that a death cuts short, may have come some way.
  if (!result) data = data.first(static_cast<std::size_t>(random_->next() % (data.size() / SimContent::kSector + 1) * SimContent::kSector));
  auto const fitting = node.content.fitting(offset, data.size(), free());
  if (result && fitting < data.size()) {
    log_.back().failed = true;
    result = failure("write", path, ENOSPC);
  }
  auto const before = node.content.allocated();
  node.content.write(offset, data.first(static_cast<std::size_t>(fitting)));
  used_ += node.content.allocated() - before;
  touch(node);
  return result;
}

Result<void> SimFileSystem::unlink(std::string const& path, bool directory) {
  auto const doing = directory ? "remove directory" : "remove";
  auto const place = find(doing, path, false);
  if (!place) {
    if (place.error().kind == ErrorKind::local_entry_not_found) return {};
    return place.error();
  }
  auto const& node = place->node;
  if (!node) return {};
  if (directory && (node->type != Type::directory || !node->entries.empty())) return {};
  if (!directory && node->type == Type::directory) return failure(doing, path, EISDIR);
  auto checked = check_parent(doing, *place, path);
  if (checked) checked = begin(directory ? Operation::remove_directory : Operation::remove, path);
  if (!checked) return checked;
  names_.take(*place);
  touch(*place->folder);
  release(*node);
  return {};
}

Result<SimFileSystem::Place> SimFileSystem::find(char const* doing, std::string const& path, bool follow) const {
  auto const usable = alive(doing, path);
  if (!usable) return usable.error();
  Place place;
  int const code = names_.find(path, follow, place);
  if (code != 0) return failure(doing, path, code);
  return place;
}

Result<SimFileSystem::Place> SimFileSystem::find_existing(char const* doing, std::string const& path, bool follow) const {
  auto place = find(doing, path, follow);
  if (place && !place->node) return failure(doing, path, ENOENT);
  return place;
}

Result<void> SimFileSystem::check_parent(char const* doing, Place const& place, std::string const& path) const {
  if (!place.folder) return failure(doing, path, EBUSY);
  if ((place.folder->mode & kWrite) == 0) return failure(doing, path, EACCES);
  return {};
}

fs::Stat SimFileSystem::stat_of(Node const& node) const {
  fs::Stat stat;
  stat.type = node.type;
  stat.size = node.type == Type::symlink ? node.target.size() : node.content.size();
  stat.allocated = node.content.allocated();
  stat.device = 1;
  stat.inode = node.number;
  stat.links = node.links;
  stat.mode = node.mode;
  stat.uid = kUser;
  stat.gid = kUser;
  stat.mtime_ns = node.mtime_ns;
  stat.atime_ns = node.mtime_ns;
  return stat;
}

Bytes SimFileSystem::free() const { return options_.capacity > used_ ? options_.capacity - used_ : 0; }

void SimFileSystem::touch(Node& node) {
  node.mtime_ns = options_.clock != nullptr
                      ? std::chrono::duration_cast<std::chrono::nanoseconds>(options_.clock->wall().time_since_epoch()).count()
                      : ++ticks_ * 1000;
}

void SimFileSystem::release(Node& node) {
  if (node.links > 0 || node.handles > 0) return;
  used_ -= node.content.allocated();
}

}  // namespace hubd::support
