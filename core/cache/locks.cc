// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/cache/cache.h"
#include "core/cache/layout.h"

namespace hubd::cache {
namespace {

constexpr std::size_t lock_table_max = 1 << 20;
constexpr std::size_t command_max = 64;

/// Files of /proc say that they have no size, so they are read until they end.
std::string read_proc(fs::FileSystem& files, std::string const& path, std::size_t size_max) {
  auto const file = files.open(path, fs::OpenMode::read);
  if (!file) return {};
  std::string text(size_max, '\0');
  auto const count = (*file)->read_at(0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
  text.resize(count ? static_cast<std::size_t>(*count) : 0);
  return text;
}

/// The fields of one line of /proc/locks: "7: FLOCK  ADVISORY  WRITE 4242 08:01:1234 0 EOF".
std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    auto const begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return fields;
    line.remove_prefix(begin);
    fields.push_back(line.substr(0, line.find(' ')));
    line.remove_prefix(fields.back().size());
  }
}

/// The process that holds an flock on this inode; 0 when not to be told. The device is not compared: layered file systems
/// show another one there than stat does.
pid_t holder_of(std::string_view table, std::uint64_t inode) {
  auto const wanted = ":" + std::to_string(inode);
  pid_t holder = 0;
  for (std::string_view rest = table; !rest.empty();) {
    auto const line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    auto const fields = fields_of(line);
    if (fields.size() < 6 || fields[1] != "FLOCK" || !fields[5].ends_with(wanted)) continue;
    pid_t pid = 0;
    std::from_chars(fields[4].data(), fields[4].data() + fields[4].size(), pid);
    if (pid <= 0 || (holder != 0 && holder != pid)) return 0;  // of another pid namespace, or not certain
    holder = pid;
  }
  return holder;
}

}  // namespace

Result<std::unique_ptr<fs::Lock>> Cache::try_lock(RepoRef const& repo, std::string const& etag) {
  auto const valid = check_etag(etag);
  if (!valid) return valid.error();
  auto const path = layout_.lock(repo, etag);
  auto lock = files_.try_lock(path);
  if (lock || lock.error().kind != ErrorKind::local_entry_not_found) return lock;
  auto const made = files_.make_directories(path.substr(0, path.find_last_of('/')));
  if (!made) return made.error();
  return files_.try_lock(path);
}

std::string Cache::lock_holder(RepoRef const& repo, std::string const& etag) {
  auto const stat = files_.lstat(layout_.lock(repo, etag));
  auto const pid = stat ? holder_of(read_proc(files_, "/proc/locks", lock_table_max), stat->inode) : 0;
  if (pid == 0) return "another process";
  auto who = "pid " + std::to_string(pid);
  auto command = read_proc(files_, "/proc/" + std::to_string(pid) + "/comm", command_max);
  auto const is_plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  command.erase(std::find_if_not(command.begin(), command.end(), is_plain), command.end());
  if (!command.empty()) who += " (" + command + ")";
  return who;
}

}  // namespace hubd::cache
