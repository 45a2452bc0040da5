// SPDX-License-Identifier: Apache-2.0
#include "core/cache/cache.h"
#include "core/cache/small_file.h"

namespace hubd::cache {

Result<std::optional<Cache::Present>> Cache::find_file(RepoRef const& repo, Commit const& commit,
                                                       std::string const& path) {
  auto const nothing = std::optional<Present>();
  auto const valid = check_repo_path(path);
  if (!valid) return valid.error();
  auto const pointer = layout_.pointer(repo, commit, path);
  auto const own = files_.lstat(pointer);
  if (!own) {
    if (is_absent(own.error())) return nothing;
    return own.error();
  }
  Present present;
  present.blob = pointer;
  present.stat = *own;
  if (own->type == fs::Stat::Type::symlink) {
    auto const text = files_.read_symlink(pointer);
    auto const target = text ? files_.stat(pointer) : Result<fs::Stat>(text.error());
    if (!target) {
      if (is_absent(target.error())) return nothing;  // dangling, or removed meanwhile
      return target.error();
    }
    present.stat = *target;
    auto const hop = first_hop(pointer, *text);
    auto const name = hop.substr(hop.find_last_of('/') + 1);
    if (hop == layout_.blob(repo, name)) {
      present.blob = hop;
      present.etag = name;
    }
  }
  if (present.stat.type != fs::Stat::Type::regular) return nothing;
  return std::optional(std::move(present));
}

Result<std::optional<fs::Stat>> Cache::find_blob(RepoRef const& repo, std::string const& etag) {
  auto const nothing = std::optional<fs::Stat>();
  auto const stat = files_.stat(layout_.blob(repo, etag));
  if (!stat) {
    if (is_absent(stat.error())) return nothing;
    return stat.error();
  }
  if (stat->type != fs::Stat::Type::regular) return nothing;
  return std::optional(*stat);
}

Result<std::vector<std::pair<std::string, std::string>>> Cache::all_blobs() {
  std::vector<std::pair<std::string, std::string>> blobs;
  auto const folders = files_.list(layout_.root());
  if (!folders) return folders.error();
  for (auto const& folder : *folders) {
    if (!Layout::parse_repo_folder(folder)) continue;
    auto const place = layout_.root() + "/" + folder + "/blobs";
    auto const names = files_.list(place);
    if (!names) {
      if (is_absent(names.error())) continue;
      return names.error();
    }
    for (auto const& name : *names)
      if (ContentId::parse(name)) blobs.emplace_back(name, place + "/" + name);
  }
  return blobs;
}

}  // namespace hubd::cache
