// SPDX-License-Identifier: Apache-2.0
#include "client/mounts.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace hubd::client {
namespace {

constexpr char const* kVariable = "HUBD_MOUNT_MAP";

/// Whether `path` is `start` or below it, with `end` in its place.
std::optional<std::string> moved(std::string_view path, std::string_view start, std::string_view end) {
  if (!path.starts_with(start)) return std::nullopt;
  auto const rest = path.substr(start.size());
  if (!rest.empty() && rest.front() != '/') return std::nullopt;
  auto found = std::string(end) + std::string(rest);
  return found.empty() ? "/" : found;
}

std::string without_slash(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

bool is_there(std::string const& path) {
  std::error_code error;
  return !path.empty() && std::filesystem::exists(path, error) && !error;
}

bool same_folder(std::string const& a, std::string const& b) {
  if (a == b) return true;
  std::error_code error;
  return std::filesystem::equivalent(a, b, error) && !error;
}

/// The id of the cache at `root`, as its hubd wrote it; "" when no hubd has owned it, or it cannot be read.
std::string root_id_at(std::string const& root) {
  constexpr std::string_view name = "root_id=";
  std::ifstream file(root + "/.locks/.hubd-owner");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name)) return line.substr(name.size());
  return "";
}

}  // namespace

Result<std::vector<Mount>> mounts_from(Variables const& variables) {
  std::vector<Mount> mounts;
  std::string_view rest = variable(variables, kVariable);
  while (!rest.empty()) {
    auto const entry = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
    if (entry.empty()) continue;
    auto const middle = entry.find('=');
    auto const host = entry.substr(0, middle);
    auto const here = middle == std::string_view::npos ? std::string_view() : entry.substr(middle + 1);
    if (!host.starts_with('/') || !here.starts_with('/'))
      return make_error(ErrorKind::bad_request, std::string(kVariable) + " maps '" + std::string(host) + "' to '" +
                                                    std::string(here) +
                                                    "', but takes absolute paths: /host/path=/path/here");
    mounts.push_back({std::string(host), std::string(here)});
  }
  return mounts;
}

CacheView::CacheView(std::string root, std::string root_id, std::vector<Mount> mounts)
    : root_(std::move(root)), root_id_(std::move(root_id)), mounts_(std::move(mounts)) {
  for (auto& mount : mounts_) mount = {without_slash(mount.host), without_slash(mount.here)};
  std::sort(mounts_.begin(), mounts_.end(), [](auto const& a, auto const& b) {
    return a.host.size() != b.host.size() ? a.host.size() > b.host.size() : a.host < b.host;
  });
}

bool CacheView::is_at(std::string const& root) const {
  if (!root_id_.empty() && root_id_at(root) == root_id_) return true;
  auto const here = mapped(root_);
  return here && same_folder(*here, root);
}

bool CacheView::is_mapped() const {
  return std::any_of(mounts_.begin(), mounts_.end(), [this](auto const& mount) {
    return moved(root_, mount.host, "/") || moved(mount.host, root_, "/");
  });
}

std::optional<std::string> CacheView::mapped(std::string const& path) const {
  for (auto const& mount : mounts_)
    if (auto found = moved(path, mount.host, mount.here)) return found;
  return std::nullopt;
}

std::string CacheView::told(std::string const& path) const {
  std::optional<std::string> best;
  std::size_t length = 0;
  for (auto const& mount : mounts_) {
    auto found = moved(path, mount.here, mount.host);
    if (!found || (best && mount.here.size() <= length)) continue;
    best = std::move(found);
    length = mount.here.size();
  }
  return best.value_or(path);
}

std::optional<std::string> CacheView::below(std::string const& path, std::string const& callers_root) const {
  if (callers_root.empty() || (callers_root == root_ && !is_mapped())) return std::nullopt;
  auto found = moved(path, root_, callers_root);
  return found && root_id_at(callers_root) == root_id_ ? found : std::nullopt;
}

std::string CacheView::seen(std::string const& path, std::string const& callers_root) const {
  if (auto own = below(path, callers_root)) return *own;
  return mapped(path).value_or(path);
}

Result<std::string> CacheView::find(std::string const& path, std::string const& callers_root) const {
  auto const own = below(path, callers_root);
  auto const other = mapped(path);
  for (auto const& candidate : {own.value_or(""), other.value_or(""), path})
    if (is_there(candidate)) return candidate;
  return make_error(ErrorKind::not_mounted,
                    "hubd has " + path + ", but this process sees it neither there nor " +
                        (other ? "at " + *other : "below its cache folder " + callers_root) +
                        "; mount hubd's cache and name the mount by HF_HUB_CACHE, or say where it is in the mount map (" +
                        kVariable + ")");
}

}  // namespace hubd::client
