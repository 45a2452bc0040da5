// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/cache/cache.h"
#include "core/cache/small_file.h"

namespace hubd::cache {
namespace {

constexpr int link_hops_max = 8;

std::string folder_of(std::string const& path) { return path.substr(0, path.find_last_of('/')); }

bool is_same_file(fs::Stat const& a, fs::Stat const& b) { return a.device == b.device && a.inode == b.inode; }

/// The path of the bytes themselves: link(2) would give a symlink another name.
Result<std::string> follow(fs::FileSystem& files, std::string path) {
  for (int hop = 0; hop < link_hops_max; ++hop) {
    auto const stat = files.lstat(path);
    if (!stat) return stat.error();
    if (stat->type == fs::Stat::Type::regular) return path;
    if (stat->type != fs::Stat::Type::symlink) break;
    auto const text = files.read_symlink(path);
    if (!text) return text.error();
    path = first_hop(path, *text);
  }
  return fail(ErrorKind::local_entry_not_found, path + " is not a file");
}

/// What somebody deleted meanwhile has no names left to make durable.
Result<void> unless_gone(Result<void> synced) {
  if (!synced && synced.error().kind == ErrorKind::local_entry_not_found) return {};
  return synced;
}

/// The folder and every folder below it; links are not followed.
Result<void> sync_folders(fs::FileSystem& files, std::string const& folder) {
  auto const names = files.list(folder);
  if (!names) return unless_gone(names.error());
  for (auto const& name : *names) {
    auto const path = folder + "/" + name;
    auto const stat = files.lstat(path);
    if (!stat || stat->type != fs::Stat::Type::directory) continue;
    auto const synced = sync_folders(files, path);
    if (!synced) return synced;
  }
  return unless_gone(files.sync_directory(folder));
}

}  // namespace

Result<fs::Stat> Cache::rename_to_blob(RepoRef const& repo, std::string const& etag, std::string const& from) {
  auto const before = files_.lstat(from);
  if (!before) return before.error();
  auto const blob = layout_.blob(repo, etag);
  auto const renamed = with_folders(repo, layout_.blobs(repo), [&] { return files_.rename(from, blob); });
  if (!renamed) return renamed.error();
  // Two names of one inode: the rename did nothing and the old name is still there.
  if (before->links > 1) {
    auto const removed = files_.remove(from);
    if (!removed) return removed.error();
  }
  auto const stat = files_.lstat(blob);
  if (stat && !is_same_file(*stat, *before))
    return fail(ErrorKind::busy, "publish " + blob + ": somebody else replaced it at the same moment");
  return stat;
}

Result<fs::Stat> Cache::publish_blob(RepoRef const& repo, std::string const& etag, std::string const& partial_path,
                                     fs::File& partial) {
  auto const valid = check_etag(etag);
  if (!valid) return valid.error();
  auto const allowed = may_publish_();
  if (!allowed) return allowed.error();
  auto const mode = file_mode(repo);
  if (!mode) return mode.error();
  auto const set = partial.set_mode(*mode);
  if (!set) return set.error();
  auto const synced = partial.sync();
  if (!synced) return synced.error();
  return rename_to_blob(repo, etag, partial_path);
}

Result<fs::Stat> Cache::link_blob(RepoRef const& repo, std::string const& etag, std::string const& holder, bool hard,
                                  std::function<bool(fs::Stat const&)> const& still_good) {
  auto const valid = check_etag(etag);
  if (!valid) return valid.error();
  auto const allowed = may_publish_();
  if (!allowed) return allowed.error();
  auto const source = follow(files_, holder);
  if (!source) return source.error();
  if (hard) {
    auto const theirs = files_.lstat(*source);
    auto const ours = files_.lstat(layout_.blob(repo, etag));
    if (theirs && ours && is_same_file(*theirs, *ours) && (!still_good || still_good(*ours))) return *ours;
  }
  auto const temporary = scratch(repo);
  auto const made = with_folders(repo, layout_.blobs(repo), [&]() -> Result<void> {
    auto const done = hard ? files_.link(*source, temporary) : files_.copy(*source, temporary);
    if (!done) return done;
    auto const copy = files_.open(temporary, hard ? fs::OpenMode::read : fs::OpenMode::read_write);
    if (!copy) return copy.error();
    auto const now = (*copy)->stat();
    if (!now) return now.error();
    if (still_good && !still_good(*now)) return fail(ErrorKind::corrupt, holder + " changed while it was given another name");
    if (hard) return {};
    return (*copy)->sync();
  });
  auto stat = made ? rename_to_blob(repo, etag, temporary) : Result<fs::Stat>(made.error());
  if (!stat) (void)files_.remove(temporary);
  return stat;
}

Result<std::optional<fs::Stat>> Cache::link_from_shared_store(RepoRef const& repo, std::string const& etag,
                                                              std::string const& xet_hash, Bytes size) {
  auto const nothing = std::optional<fs::Stat>();
  if (options_.shared_store == SharedStoreUse::off) return nothing;
  auto const valid = check_etag(etag);
  if (!valid) return valid.error();
  auto const allowed = may_publish_();
  if (!allowed) return allowed.error();
  bool linked = false;
  if (options_.shared_store == SharedStoreUse::write) {
    auto writer = store_writer(repo);
    auto const blob = layout_.blob(repo, etag);
    auto const referred = with_folders(repo, layout_.blobs(repo), [&]() -> Result<void> {
      auto const done = writer.refer({xet_hash, size, blob});
      if (!done) return done.error();
      linked = *done;
      return {};
    });
    if (!referred) return referred.error();
    if (!linked) return nothing;
    auto const stat = files_.stat(blob);
    if (!stat) return stat.error();
    return std::optional(*stat);
  }
  auto const temporary = scratch(repo);
  auto const tried = with_folders(repo, layout_.blobs(repo), [&]() -> Result<void> {
    auto const stat = store_.link(xet_hash, size, temporary);
    if (!stat) return stat.error();
    linked = stat->has_value();
    return {};
  });
  if (!tried) return tried.error();
  if (!linked) return nothing;
  auto const stat = rename_to_blob(repo, etag, temporary);
  if (stat) return std::optional(*stat);
  (void)files_.remove(temporary);
  return stat.error();
}

SharedStoreWriter Cache::store_writer(RepoRef const& repo) {
  return {files_, random_, options_.root, [this, repo] { return scratch(repo); }};
}

Result<std::optional<fs::Stat>> Cache::share_blob(RepoRef const& repo, std::string const& etag, std::string const& xet_hash,
                                                  Bytes size, std::function<bool(fs::Stat const&)> const& trusted) {
  auto const nothing = std::optional<fs::Stat>();
  if (options_.shared_store != SharedStoreUse::write) return nothing;
  auto const valid = check_etag(etag);
  if (!valid) return valid.error();
  auto const allowed = may_publish_();
  if (!allowed) return allowed.error();
  auto const blob = layout_.blob(repo, etag);
  auto const shared = store_writer(repo).publish({xet_hash, size, blob}, trusted);
  if (!shared) return shared.error();
  if (!*shared) return nothing;
  auto const stat = files_.stat(blob);
  if (!stat) return stat.error();
  return std::optional(*stat);
}

Result<void> Cache::write_pointer(RepoRef const& repo, Commit const& commit, std::string const& path,
                                  std::string const& etag) {
  auto const valid_path = check_repo_path(path);
  if (!valid_path) return valid_path;
  auto const valid_etag = check_etag(etag);
  if (!valid_etag) return valid_etag;
  auto const allowed = may_publish_();
  if (!allowed) return allowed;
  // A pointer without its blob marks the whole repo corrupted in stock scans.
  auto const blob = files_.stat(layout_.blob(repo, etag));
  if (!blob) return blob.error();

  auto const pointer = layout_.pointer(repo, commit, path);
  auto const text = Layout::pointer_text(path, etag);
  auto const written = with_folders(repo, folder_of(pointer), [&]() -> Result<void> {
    auto const there = files_.lstat(pointer);
    if (!there && !is_absent(there.error())) return there.error();
    if (!there) {
      auto const linked = files_.symlink(text, pointer);
      if (linked || linked.error().cause != std::errc::file_exists) return linked;
    }
    auto const before = files_.read_symlink(pointer);
    if (before && *before == text) return {};
    auto const temporary = scratch(repo);
    auto const linked = files_.symlink(text, temporary);
    if (!linked) return linked;
    auto const renamed = files_.rename(temporary, pointer);
    if (!renamed) (void)files_.remove(temporary);
    return renamed;
  });
  if (!written) return written;
  auto const leads = files_.stat(pointer);
  if (!leads) {
    (void)files_.remove(pointer);  // the blob was deleted while the pointer was made
    return leads.error();
  }
  write_cachedir_tag(files_, layout_.root());
  return {};
}

Result<void> Cache::remove_blob(RepoRef const& repo, std::string const& etag) {
  auto const valid = check_etag(etag);
  if (!valid) return valid;
  auto const allowed = may_publish_();
  if (!allowed) return allowed;
  return files_.remove(layout_.blob(repo, etag));
}

Result<void> Cache::sync(RepoRef const& repo, Commit const& commit) {
  auto const blobs = unless_gone(files_.sync_directory(layout_.blobs(repo)));
  if (!blobs) return blobs;
  auto const snapshot = layout_.snapshot(repo, commit);
  auto const folders = sync_folders(files_, snapshot);
  if (!folders) return folders;
  for (auto const& folder : {folder_of(snapshot), layout_.repo(repo), layout_.root()}) {
    auto const synced = unless_gone(files_.sync_directory(folder));
    if (!synced) return synced;
  }
  return {};
}

}  // namespace hubd::cache
