// SPDX-License-Identifier: Apache-2.0
#include "core/cache/small_file.h"

#include <string_view>
#include <vector>

namespace hubd::cache {
namespace {

constexpr std::string_view tag_text =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This directory holds files that huggingface_hub can download again; backups may leave it out.\n"
    "# The format of this file: https://bford.info/cachedir/\n";

}  // namespace

Result<std::optional<std::string>> read_small_file(fs::FileSystem& files, std::string const& path, Bytes size_max) {
  auto const nothing = std::optional<std::string>();
  auto const stat = files.stat(path);
  if (!stat) {
    if (is_absent(stat.error())) return nothing;
    return stat.error();
  }
  if (stat->type != fs::Stat::Type::regular || stat->size > size_max) return nothing;
  auto text = fs::read_file(files, path, size_max);
  if (text) return std::optional(std::move(*text));
  if (is_absent(text.error()) || text.error().kind == ErrorKind::exhausted) return nothing;  // changed meanwhile
  return text.error();
}

void write_cachedir_tag(fs::FileSystem& files, std::string const& folder) {
  auto const path = folder + "/CACHEDIR.TAG";
  if (files.lstat(path)) return;
  auto const file = files.open(path, fs::OpenMode::create_exclusive);
  if (file) (void)(*file)->write_at(0, as_bytes(tag_text));
}

Result<mode_t> measure_file_mode(fs::FileSystem& files, std::string const& probe) {
  auto const file = files.open(probe, fs::OpenMode::create_exclusive, 0666);
  if (!file) return file.error();
  auto const stat = (*file)->stat();
  (void)files.remove(probe);
  if (!stat) return stat.error();
  return stat->mode;
}

std::string first_hop(std::string_view path, std::string_view text) {
  std::string joined;
  if (!text.starts_with('/')) joined.append(path.substr(0, path.find_last_of('/'))).append(1, '/');
  joined.append(text);
  std::vector<std::string_view> segments;
  for (std::string_view rest = joined; !rest.empty();) {
    auto const segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(segment.size() + 1, rest.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
      continue;
    }
    segments.push_back(segment);
  }
  std::string absolute;
  for (auto const segment : segments) absolute.append(1, '/').append(segment);
  return absolute.empty() ? "/" : absolute;
}

}  // namespace hubd::cache
