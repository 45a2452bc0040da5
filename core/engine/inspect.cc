// SPDX-License-Identifier: Apache-2.0
#include "core/engine/inspect.h"

#include "core/engine/adoption.h"

#include "core/fs/buffer.h"
#include "core/hash/hasher.h"

namespace hubd::engine {

bool same_bytes(fs::Stat const& a, fs::Stat const& b) {
  return a.device == b.device && a.inode == b.inode && a.size == b.size && a.mtime_ns == b.mtime_ns;
}

Seen::State judge(Ledger const& ledger, fs::Stat const& stat, ListedFile const& file) {
  if (stat.size != file.size) return Seen::State::wrong;
  switch (ledger.look(stat, file.etag())) {
    case Ledger::Verdict::verified: return Seen::State::verified;
    case Ledger::Verdict::wrong: return Seen::State::wrong;
    case Ledger::Verdict::edited: return Seen::State::edited;
    case Ledger::Verdict::unknown: break;
  }
  return Seen::State::unverified;
}

Result<Seen> look_at(cache::Cache& cache, Ledger const& ledger, RepoRef const& repo, Commit const& commit, ListedFile const& file) {
  Seen seen;
  auto const present = cache.find_file(repo, commit, file.path);
  if (!present) return present.error();
  if (*present && ((*present)->etag.empty() || (*present)->etag == file.etag())) {
    seen.pointer = true;
    seen.blob = (*present)->blob;
    seen.stat = (*present)->stat;
  } else {
    auto const blob = cache.find_blob(repo, file.etag());
    if (!blob) return blob.error();
    if (!*blob) return seen;
    seen.blob = cache.layout().blob(repo, file.etag());
    seen.stat = **blob;
  }
  seen.state = judge(ledger, seen.stat, file);
  return seen;
}

Result<bool> hash_file(fs::FileSystem& files, Ledger& ledger, store::Store* store, std::string const& path, std::string const& etag,
                       std::atomic<bool> const& stop) {
  auto const id = ContentId::parse(etag);
  if (!id) return fail(ErrorKind::bad_request, path + " has a name that is no hash: " + etag);
  auto const file = files.open(path, fs::OpenMode::read);
  if (!file) return file.error();
  auto const before = (*file)->stat();
  if (!before) return before.error();
  hash::ContentHasher hasher(*id, before->size);
  std::optional<ChunkLesson> lesson;
  if (store != nullptr && worth_adopting(etag, before->size) && !store->has(etag)) lesson.emplace(*id, before->size);
  fs::Buffer buffer(static_cast<std::size_t>(std::min<Bytes>(1_MiB, before->size + 1)));
  for (Bytes at = 0; at < before->size;) {
    if (stop) return fail(ErrorKind::cancelled, path + " was not hashed to its end: hubd is stopping");
    auto const count = (*file)->read_at(at, buffer.span());
    if (!count) return count.error();
    if (*count == 0) break;
    auto const data = buffer.span().first(static_cast<std::size_t>(*count));
    hasher.update(data);
    if (lesson) lesson->update(data);
    at += *count;
  }
  auto const after = (*file)->stat();
  if (!after) return after.error();
  if (!same_bytes(*before, *after) || hasher.fed() != before->size)
    return fail(ErrorKind::busy, path + " was changed by another program while hubd hashed it");
  bool const matches = hasher.finish() == etag;
  ledger.record(*after, etag, matches, path);
  if (lesson && matches) (void)store->add(lesson->finish());  // without it its chunks are not reused
  return matches;
}

bool is_blob_path(std::string const& root, std::string_view path) {
  if (!path.starts_with(root) || path.size() <= root.size() + 1 || path[root.size()] != '/') return false;
  path.remove_prefix(root.size() + 1);
  auto const slash = path.find('/');
  if (slash == std::string_view::npos || !cache::Layout::parse_repo_folder(path.substr(0, slash))) return false;
  path.remove_prefix(slash + 1);
  return path.starts_with("blobs/") && path.find('/', 6) == std::string_view::npos;
}

std::string find_holder(fs::FileSystem& files, Ledger& ledger, ListedFile const& file, std::string const& except) {
  for (auto const& path : ledger.holders(file.etag())) {
    if (path == except) continue;
    auto const stat = files.stat(path);
    if (stat && stat->type == fs::Stat::Type::regular && judge(ledger, *stat, file) == Seen::State::verified) return path;
    // Gone, or other bytes by now: places that are no use must not hide older ones that are.
    if (stat || stat.error().kind == ErrorKind::local_entry_not_found) ledger.forget(file.etag(), path);
  }
  return {};
}

}  // namespace hubd::engine
