// SPDX-License-Identifier: Apache-2.0
#include "core/base/repo.h"

#include <algorithm>

#include "core/base/digest.h"

namespace hubd {
namespace {

bool is_id_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}
bool is_word_char(char c) { return is_id_char(c) && c != '-' && c != '.'; }

constexpr std::size_t shown_max = 256;  // bytes of a name that a sentence repeats

/// " 'name'", or nothing for a name that would swell the sentence.
std::string shown(std::string_view name) { return name.size() > shown_max ? std::string() : " '" + std::string(name) + "'"; }

Result<void> bad_id(std::string_view id, std::string_view why) {
  return fail(ErrorKind::bad_request,
              "repo id" + shown(id) + " is not valid: " + std::string(why) + "; use 'namespace/name'");
}

bool is_drive(std::string_view segment) {
  if (segment.size() < 2 || segment[1] != ':') return false;
  char const c = segment[0];
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

std::string_view name_of(RepoType type) noexcept {
  switch (type) {
    case RepoType::model: return "model";
    case RepoType::dataset: return "dataset";
    case RepoType::space: return "space";
    case RepoType::kernel: return "kernel";
  }
  return "unknown";
}

std::string_view plural_of(RepoType type) noexcept {
  switch (type) {
    case RepoType::model: return "models";
    case RepoType::dataset: return "datasets";
    case RepoType::space: return "spaces";
    case RepoType::kernel: return "kernels";
  }
  return "unknown";
}

std::optional<RepoType> repo_type_from(std::string_view name) noexcept {
  for (auto const type : {RepoType::model, RepoType::dataset, RepoType::space, RepoType::kernel})
    if (name == name_of(type) || name == plural_of(type)) return type;
  return std::nullopt;
}

std::string describe(RepoRef const& repo) { return std::string(name_of(repo.type)) + " " + repo.id; }

Result<void> check_repo_id(std::string_view id) {
  if (id.empty()) return bad_id(id, "it is empty");
  if (std::count(id.begin(), id.end(), '/') > 1) return bad_id(id, "it has more than one '/'");
  if (id.find("--") != std::string_view::npos || id.find("..") != std::string_view::npos)
    return bad_id(id, "'--' and '..' are not allowed");
  if (id.ends_with(".git")) return bad_id(id, "it must not end in '.git'");
  std::string_view rest = id;
  while (true) {
    auto const slash = rest.find('/');
    auto const part = rest.substr(0, slash);
    if (part.empty() || part.size() > 96) return bad_id(id, "each part has 1 to 96 characters");
    if (!std::all_of(part.begin(), part.end(), is_id_char))
      return bad_id(id, "only letters, digits, '_', '-' and '.' are allowed");
    if (!is_word_char(part.front()) || !is_word_char(part.back()))
      return bad_id(id, "a part must not begin or end with '-' or '.'");
    if (slash == std::string_view::npos) return {};
    rest = rest.substr(slash + 1);
  }
}

Result<void> check_repo_path(std::string_view path) {
  auto const bad = [path](std::string_view why) -> Result<void> {
    return fail(ErrorKind::bad_request, "file name" + shown(path) + " is not valid: " + std::string(why));
  };
  if (path.empty()) return bad("it is empty");
  if (path.size() > 4096) return bad("it is longer than 4096 bytes");
  if (path.find('\0') != std::string_view::npos) return bad("it has a NUL byte");
  if (path.front() == '/' || path.front() == '\\') return bad("it must be relative");
  std::size_t begin = 0;
  while (begin <= path.size()) {
    auto end = path.find_first_of("/\\", begin);
    if (end == std::string_view::npos) end = path.size();
    auto const segment = path.substr(begin, end - begin);
    if (segment.empty() || segment == ".") return bad("it has an empty or '.' segment");
    if (segment == "..") return bad("it has a '..' segment");
    if (segment.size() > 255) return bad("a segment is longer than 255 bytes");
    if (is_drive(segment)) return bad("it names a drive");
    begin = end + 1;
  }
  return {};
}

std::optional<Commit> Commit::parse(std::string_view text) {
  GitSha1 digest;
  if (!from_hex(text, digest.bytes.data(), GitSha1::kSize)) return std::nullopt;
  return Commit(std::string(text));
}

}  // namespace hubd
