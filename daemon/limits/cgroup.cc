// SPDX-License-Identifier: Apache-2.0
#include "daemon/limits/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace hubd::daemon {
namespace {

constexpr Bytes unlimited = Bytes{1} << 62U;  // version 1 says "no limit" by the largest page-aligned number

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    auto const at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool holds(std::string_view list, std::string_view word) {
  auto const parts = split(list, ',');
  return std::find(parts.begin(), parts.end(), word) != parts.end();
}

/// mountinfo writes blanks and backslashes as "\040".
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    auto const digits = text.substr(i + 1 > text.size() ? text.size() : i + 1, 3);
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 8);
    bool const escape = text[i] == '\\' && digits.size() == 3 && error == std::errc() && end == digits.data() + 3 && code < 256;
    out += escape ? static_cast<char>(code) : text[i];
    if (escape) i += 3;
  }
  return out;
}

struct Mount {
  std::string root;   ///< which folder of the hierarchy is mounted
  std::string point;  ///< where
};

/// The mount of version 2, or of version 1's memory controller.
std::optional<Mount> find_mount(std::string_view mountinfo, bool version2) {
  for (auto const line : split(mountinfo, '\n')) {
    auto const dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    auto const left = split(line.substr(0, dash), ' ');
    auto const right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    bool const found = version2 ? right[0] == "cgroup2" : right[0] == "cgroup" && holds(right[2], "memory");
    if (found) return Mount{unescaped(left[3]), unescaped(left[4])};
  }
  return std::nullopt;
}

/// The group's path in its hierarchy: "/user.slice/x".
std::optional<std::string> find_group(std::string_view cgroup, bool version2) {
  for (auto const line : split(cgroup, '\n')) {
    auto const first = line.find(':');
    auto const second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    auto const number = line.substr(0, first);
    auto const controllers = line.substr(first + 1, second - first - 1);
    if (version2 ? number == "0" && controllers.empty() : holds(controllers, "memory")) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

void add_files(std::vector<std::string>& files, std::string_view cgroup, std::string_view mountinfo, bool version2) {
  auto const mount = find_mount(mountinfo, version2);
  auto group = find_group(cgroup, version2);
  if (!mount || !group) return;
  if (mount->root != "/") {
    // A container sees a part of the hierarchy, mounted as the whole.
    if (*group == mount->root || group->starts_with(mount->root + "/"))
      group->erase(0, mount->root.size());
    else
      group->clear();
  }
  if (group->find("/..") != std::string::npos) group->clear();  // outside of what a namespace shows
  while (group->ends_with('/')) group->pop_back();
  auto const* const name = version2 ? "/memory.max" : "/memory.limit_in_bytes";
  while (true) {
    files.push_back(mount->point + *group + name);
    if (group->empty()) return;
    group->erase(group->rfind('/'));
  }
}

}  // namespace

std::vector<std::string> memory_limit_files(std::string_view cgroup, std::string_view mountinfo) {
  std::vector<std::string> files;
  add_files(files, cgroup, mountinfo, true);
  add_files(files, cgroup, mountinfo, false);
  return files;
}

std::optional<Bytes> parse_memory_limit(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  Bytes value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value >= unlimited) return std::nullopt;
  return value;
}

std::optional<MemoryLimit> memory_limit(std::function<std::optional<std::string>(std::string const&)> const& read) {
  auto const cgroup = read("/proc/self/cgroup");
  auto const mountinfo = read("/proc/self/mountinfo");
  std::optional<MemoryLimit> smallest;
  if (!cgroup || !mountinfo) return smallest;
  for (auto const& file : memory_limit_files(*cgroup, *mountinfo)) {
    auto const text = read(file);
    auto const bytes = text ? parse_memory_limit(*text) : std::nullopt;
    if (bytes && (!smallest || *bytes < smallest->bytes)) smallest = MemoryLimit{*bytes, file};
  }
  return smallest;
}

std::optional<MemoryLimit> own_memory_limit() {
  return memory_limit([](std::string const& path) -> std::optional<std::string> {
    std::ifstream in(path);
    if (!in) return std::nullopt;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  });
}

}  // namespace hubd::daemon
