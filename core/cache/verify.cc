// SPDX-License-Identifier: Apache-2.0
#include "core/cache/verify.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/cache/small_file.h"
#include "core/fs/buffer.h"
#include "core/hash/hasher.h"

namespace hubd::cache {
namespace {

constexpr Bytes ref_size_max = 4_KiB;
constexpr std::size_t block_size = 1 << 20;

Error not_cached(RepoRef const& repo, std::string const& revision) {
  auto const which = revision.empty() ? std::string() : " at revision '" + revision + "'";
  return fail(ErrorKind::local_entry_not_found,
              describe(repo) + which + " is not in the cache; download it first, or name a revision that is there");
}

Result<std::optional<LocalRoot>> root_of(fs::FileSystem& files, Layout const& layout, RepoRef const& repo,
                                         Commit const& commit) {
  LocalRoot root{commit, layout.snapshot(repo, commit)};
  auto const stat = files.stat(root.path);
  if (stat && stat->type == fs::Stat::Type::directory) return std::optional(std::move(root));
  if (!stat && !is_absent(stat.error())) return stat.error();
  return std::optional<LocalRoot>();
}

Result<std::optional<Commit>> commit_of_ref(fs::FileSystem& files, Layout const& layout, RepoRef const& repo,
                                            std::string const& revision) {
  auto const valid = check_revision(revision);
  if (!valid) return valid.error();
  auto const text = read_small_file(files, layout.ref(repo, revision), ref_size_max);
  if (!text) return text.error();
  if (!*text) return std::optional<Commit>();
  auto const line = std::string_view(**text);
  return Commit::parse(line.substr(0, line.find_first_of("\r\n")));
}

/// The commit of the only snapshot; nothing when there are none or several.
Result<std::optional<Commit>> only_commit(fs::FileSystem& files, Layout const& layout, RepoRef const& repo) {
  auto const names = files.list(layout.repo(repo) + "/snapshots");
  if (!names) {
    if (is_absent(names.error())) return std::optional<Commit>();
    return names.error();
  }
  std::optional<Commit> only;
  for (auto const& name : *names) {
    auto const commit = Commit::parse(name);
    if (!commit) continue;
    if (only) return std::optional<Commit>();
    only = commit;
  }
  return only;
}

Result<std::string> hash_file(fs::File const& file, ContentId const& id, Bytes size, std::atomic<bool> const* stop) {
  hash::ContentHasher hasher(id, size);
  fs::Buffer buffer(block_size);
  for (Bytes offset = 0;;) {
    if (stop != nullptr && *stop) return fail(ErrorKind::cancelled, "the verification was stopped");
    auto const count = file.read_at(offset, buffer.span());
    if (!count) return count.error();
    if (*count == 0) return hasher.finish();
    hasher.update(buffer.span().first(static_cast<std::size_t>(*count)));
    offset += *count;
  }
}

Result<void> collect_extra(fs::FileSystem& files, std::string const& root, std::string const& prefix,
                           std::set<std::string_view> const& listed, bool local_dir, std::vector<std::string>& extra) {
  auto const names = files.list(root + "/" + prefix);
  if (!names) {
    if (is_absent(names.error())) return {};
    return names.error();
  }
  for (auto const& name : *names) {
    auto const path = prefix + name;
    if (local_dir && (path == ".git" || path == ".cache/huggingface")) continue;
    auto const own = files.lstat(root + "/" + path);
    if (!own) {
      if (is_absent(own.error())) continue;
      return own.error();
    }
    if (own->type == fs::Stat::Type::directory) {
      auto const below = collect_extra(files, root, path + "/", listed, local_dir, extra);
      if (!below) return below;
      continue;
    }
    auto const leads = files.stat(root + "/" + path);
    if (leads && leads->type == fs::Stat::Type::directory) continue;
    if (!listed.contains(path)) extra.push_back(path);
  }
  return {};
}

}  // namespace

Result<LocalRoot> find_local_root(fs::FileSystem& files, Layout const& layout, RepoRef const& repo,
                                  std::string const& revision) {
  auto commit = Commit::parse(revision);
  if (!commit) {
    auto const named = commit_of_ref(files, layout, repo, revision.empty() ? "main" : revision);
    if (!named) return named.error();
    commit = *named;
  }
  if (!commit && revision.empty()) {
    auto const only = only_commit(files, layout, repo);
    if (!only) return only.error();
    commit = *only;
  }
  if (!commit) return not_cached(repo, revision);
  auto const root = root_of(files, layout, repo, *commit);
  if (!root) return root.error();
  if (!*root) return not_cached(repo, revision);
  return **root;
}

std::string_view name_of(FileVerdict::State state) noexcept {
  switch (state) {
    case FileVerdict::State::ok: return "ok";
    case FileVerdict::State::mismatch: return "mismatch";
    case FileVerdict::State::missing: return "missing";
  }
  return "unknown";
}

Result<FileVerdict> verify_file(fs::FileSystem& files, std::string const& root, ListedFile const& file,
                                std::atomic<bool> const* stop) {
  auto const valid = check_repo_path(file.path);
  if (!valid) return valid.error();
  auto const id = ContentId::parse(file.etag());
  if (!id) return fail(ErrorKind::bad_request, "the listing names no usable hash for '" + file.path + "'");
  FileVerdict verdict;
  verdict.expected = id->etag();
  auto const path = root + "/" + file.path;
  verdict.blob = path;
  auto const text = files.read_symlink(path);
  if (text) verdict.blob = first_hop(path, *text);
  auto const there = files.stat(path);
  if (!there && !is_absent(there.error())) return there.error();
  if (!there || there->type != fs::Stat::Type::regular) return verdict;
  auto const opened = files.open(path, fs::OpenMode::read);
  if (!opened) {
    if (is_absent(opened.error())) return verdict;
    return opened.error();
  }
  auto const stat = (*opened)->stat();
  if (!stat) return stat.error();
  auto const actual = hash_file(**opened, *id, stat->size, stop);
  if (!actual) return actual.error();
  verdict.actual = *actual;
  verdict.state = verdict.actual == verdict.expected ? FileVerdict::State::ok : FileVerdict::State::mismatch;
  return verdict;
}

Result<std::vector<std::string>> extra_files(fs::FileSystem& files, std::string const& root, Listing const& listing,
                                             bool local_dir) {
  std::set<std::string_view> listed;
  for (auto const& file : listing) listed.insert(file.path);
  std::vector<std::string> extra;
  auto const collected = collect_extra(files, root, "", listed, local_dir, extra);
  if (!collected) return collected.error();
  std::sort(extra.begin(), extra.end());
  return extra;
}

}  // namespace hubd::cache
