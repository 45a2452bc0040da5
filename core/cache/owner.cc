// SPDX-License-Identifier: Apache-2.0
#include "core/cache/owner.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace hubd::cache {
namespace {

constexpr Bytes owner_file_max = 64_KiB;

std::string path_of(std::string const& root) { return root + "/.locks/.hubd-owner"; }

std::string_view value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    auto const line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(key) && line.substr(key.size()).starts_with('=')) return line.substr(key.size() + 1);
  }
  return {};
}

Error owned_by_other(std::string const& root, Result<Owner::Facts> const& other) {
  std::string who = "another hubd";
  if (other && other->pid > 0) who += " (pid " + std::to_string(other->pid) + ", socket " + other->socket + ")";
  return fail(ErrorKind::busy, "cache " + root + " is owned by " + who + "; use that one, stop it, or choose another cache");
}

/// Empty where the kernel does not tell.
std::string boot_id(fs::FileSystem& files) {
  auto const file = files.open("/proc/sys/kernel/random/boot_id", fs::OpenMode::read);
  if (!file) return {};
  std::array<std::byte, 64> buffer{};
  auto const count = (*file)->read_at(0, buffer);  // its size is said to be 0
  if (!count) return {};
  auto const text = as_text(std::span(buffer).first(static_cast<std::size_t>(*count)));
  return std::string(text.substr(0, text.find('\n')));
}

bool is_root_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Do two descriptors of one file exclude each other here? Network file systems may grant both, or none.
Result<void> check_locks(fs::FileSystem& files, Random& random, std::string const& root) {
  auto const path = root + "/.locks/.hubd-probe-" + random.hex(8);
  auto const probe = [&]() -> Result<void> {
    auto const first = files.try_lock(path, 0600);
    if (!first) return first.error();
    auto const second = files.try_lock(path, 0600);
    if (!second) return second.error();
    if (*first && !*second) return {};
    return fail(ErrorKind::not_supported,
                "the file system of cache " + root + " does not keep locks (" +
                    (*first ? "two holders got one lock" : "nobody gets a lock") +
                    "); choose a cache on a local disk");
  };
  auto const checked = probe();
  auto const removed = files.remove(path);
  if (!checked) return checked;
  return removed;
}

}  // namespace

Result<Owner::Facts> Owner::read(fs::FileSystem& files, std::string const& root) {
  auto const text = fs::read_file(files, path_of(root), owner_file_max);
  if (!text) return text.error();
  Facts facts;
  facts.root_id = value_of(*text, "root_id");
  facts.boot_id = value_of(*text, "boot_id");
  facts.socket = value_of(*text, "socket");
  auto const pid = value_of(*text, "pid");
  std::from_chars(pid.data(), pid.data() + pid.size(), facts.pid);
  return facts;
}

Result<std::unique_ptr<Owner>> Owner::take(fs::FileSystem& files, Random& random, std::string root, pid_t pid,
                                           std::string socket) {
  std::unique_ptr<Owner> owner(new Owner(files, std::move(root)));
  owner->facts_.pid = pid;
  owner->facts_.socket = std::move(socket);
  owner->facts_.boot_id = boot_id(files);
  auto const made = files.make_directories(owner->root_ + "/.locks");
  if (!made) return made.error();
  auto const kept = check_locks(files, random, owner->root_);
  if (!kept) return kept.error();
  auto const done = owner->lock_and_write(random);
  if (!done) return done.error();
  return owner;
}

Result<void> Owner::lock_and_write(Random& random) {
  auto const made = files_.make_directories(root_ + "/.locks");
  if (!made) return made.error();
  auto const path = path_of(root_);
  auto lock = files_.try_lock(path, 0644);
  if (!lock) return lock.error();
  if (!*lock) return owned_by_other(root_, read(files_, root_));
  if (facts_.root_id.empty()) {
    auto const before = read(files_, root_);
    facts_.root_id = before && is_root_id(before->root_id) ? before->root_id : random.hex(32);
  }
  auto const text = "root_id=" + facts_.root_id + "\npid=" + std::to_string(facts_.pid) + "\nboot_id=" + facts_.boot_id +
                    "\nsocket=" + facts_.socket + "\n";
  // In place: a rename would give the path another inode than the one that is locked.
  auto file = files_.open(path, fs::OpenMode::read_write, 0644, true);
  if (!file) return file.error();
  auto const written = (*file)->write_at(0, as_bytes(text));
  if (!written) return written.error();
  auto const cut = (*file)->truncate(text.size());
  if (!cut) return cut.error();
  lock_ = std::move(*lock);
  return {};
}

Result<void> Owner::check() {
  std::scoped_lock const guard(mutex_);
  if (lock_) {
    auto const valid = lock_->still_valid();
    if (!valid) return valid.error();
    if (*valid) return {};
    lock_.reset();
  }
  auto const random = seeded_random(0);  // not used: the root's id is known by now
  return lock_and_write(*random);
}

}  // namespace hubd::cache
