// SPDX-License-Identifier: Apache-2.0
#include "core/cache/removal.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/cache/removal_target.h"
#include "core/cache/shared_store.h"
#include "core/cache/small_file.h"

namespace hubd::cache {
namespace {

constexpr Bytes ref_size_max = 4_KiB;
constexpr std::size_t locks_held_max = 128;  // descriptors that one removal takes at a time

std::string cache_id(ScannedRepo const& repo) { return lower(std::string(name_of(repo.type)) + "/" + repo.id); }

bool is_real_folder(fs::FileSystem& files, std::string const& path) {
  auto const stat = files.lstat(path);
  return stat && stat->type == fs::Stat::Type::directory;
}

std::string parent_of(std::string const& path) { return path.substr(0, path.find_last_of('/')); }

/// Is `blob` an entry of the repo's own blobs/ folder? Nothing else is ever unlinked as a blob.
bool is_own_blob(ScannedRepo const& repo, std::string_view blob) {
  auto const folder = repo.path + "/blobs/";
  return blob.starts_with(folder) && blob.find('/', folder.size()) == std::string_view::npos;
}

/// Adds up the bytes that go when their last name goes.
class Freed {
 public:
  void add(std::string const& name, fs::Stat const& stat) {
    if (!seen_.insert(name).second) return;
    names.push_back({name, stat});
    auto& inode = inodes_[{stat.device, stat.inode}];
    inode.size = stat.size;
    inode.links = stat.links;
    ++inode.going;
  }
  [[nodiscard]] Bytes bytes() const {
    Bytes sum = 0;
    for (auto const& [key, inode] : inodes_)
      if (inode.going >= inode.links) sum += inode.size;
    return sum;
  }
  std::vector<RemovalPlan::Name> names;

 private:
  struct Inode {
    Bytes size = 0;
    std::uint64_t links = 0;
    std::uint64_t going = 0;
  };
  std::set<std::string> seen_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Inode> inodes_;
};

/// Which revisions of which repos go; becomes a plan.
class Planner {
 public:
  Planner(fs::FileSystem& files, Scan const& scan) : files_(files), scan_(scan), store_(files, scan.root) {}

  RemovalPlan plan;

  void select(ScannedRepo const& repo, ScannedRevision const& revision) { selected_[&repo].insert(&revision); }
  void select(ScannedRepo const& repo) {
    auto& revisions = selected_[&repo];
    for (auto const& revision : repo.revisions) revisions.insert(&revision);
  }

  /// Single files; the blobs that no other cached file uses go with them.
  void select_files(std::vector<std::pair<ScannedRepo const*, ScannedFile const*>> const& chosen) {
    std::set<ScannedFile const*> going;
    for (auto const& [repo, file] : chosen) going.insert(file);
    std::set<std::string> kept;
    for (auto const& repo : scan_.repos)
      for (auto const& revision : repo.revisions)
        for (auto const& file : revision.files)
          if (!going.contains(&file)) kept.insert(file.blob);
    for (auto const& [repo, file] : chosen) {
      plan.files.push_back(*file);
      plan.pointers.push_back(file->pointer);
      if (!kept.contains(file->blob)) doom(*repo, *file);
    }
  }

  Result<RemovalPlan> finish() {
    for (auto const& repo : scan_.repos) {
      auto const revisions = selected_.find(&repo);
      if (revisions == selected_.end()) continue;
      auto const added = add(repo, revisions->second);
      if (!added) return added.error();
    }
    plan.blobs.assign(blobs_.begin(), blobs_.end());
    auto const payloads = add_payloads();
    if (!payloads) return payloads.error();
    plan.freed = freed_.bytes();
    plan.names = std::move(freed_.names);
    for (auto const& file : plan.incomplete) plan.freed += file.size;
    return std::move(plan);
  }

 private:
  Result<void> add(ScannedRepo const& repo, std::set<ScannedRevision const*> const& revisions) {
    RemovalPlan::Repo entry;
    entry.type = repo.type;
    entry.id = repo.id;
    entry.entire = revisions.size() == repo.revisions.size();
    std::set<std::string> kept;
    for (auto const& revision : repo.revisions) {
      if (revisions.contains(&revision)) {
        entry.revisions.push_back(revision);
        continue;
      }
      for (auto const& file : revision.files) kept.insert(file.blob);
    }
    bool const link_only = entry.entire && !is_real_folder(files_, repo.path);  // what lies behind it stays
    std::set<std::string> counted;
    for (auto const& revision : entry.revisions) {
      if (!entry.entire) {
        plan.snapshots.push_back(revision.snapshot);
        for (auto const& ref : revision.refs) plan.refs.push_back({repo.path + "/refs/" + ref, revision.commit});
      }
      for (auto const& file : revision.files) {
        if (counted.insert(file.blob).second) entry.size += file.stat.size;
        if (!kept.contains(file.blob) && !link_only) doom(repo, file);
      }
    }
    plan.repos.push_back(std::move(entry));
    return plan.repos.back().entire ? add_folder(repo) : Result<void>();
  }

  /// A whole repo: also links into the store that no snapshot uses are given up.
  Result<void> add_folder(ScannedRepo const& repo) {
    plan.folders.push_back(repo.path);
    auto const names = files_.list(repo.path + "/blobs");
    if (!names) {
      if (is_absent(names.error())) return {};
      return names.error();
    }
    for (auto const& name : *names) {
      auto const path = repo.path + "/blobs/" + name;
      auto const hash = store_.payload_behind(path);
      if (!hash) continue;
      given_up_.insert(path);
      payloads_.insert(*hash);
      blobs_.erase(path);  // goes with the folder
    }
    std::erase_if(blobs_, [&](std::string const& blob) { return is_own_blob(repo, blob); });
    return {};
  }

  /// A file whose entry goes and whose blob nobody else uses.
  void doom(ScannedRepo const& repo, ScannedFile const& file) {
    if (file.blob == file.pointer) {
      freed_.add(file.pointer, file.stat);
      return;
    }
    if (!is_own_blob(repo, file.blob) || !is_real_folder(files_, repo.path + "/blobs")) {
      auto const hash = store_.payload_behind(file.pointer);
      if (hash) payloads_.insert(*hash);  // a pointer straight into the store
      return;
    }
    blobs_.insert(file.blob);
    if (!file.shared_payload.empty()) {
      given_up_.insert(file.blob);
      payloads_.insert(file.shared_payload);
      return;
    }
    auto const own = files_.lstat(file.blob);
    if (own && own->type == fs::Stat::Type::regular) freed_.add(file.blob, *own);
  }

  /// A payload goes when all its users are given up.
  Result<void> add_payloads() {
    for (auto const& payload : plan.payloads) payloads_.insert(payload.hash);
    for (auto const& hash : payloads_) {
      plan.shared_payloads.push_back(hash);
      auto const users = store_.references(hash);
      if (!users) return users.error();
      if (!*users) continue;
      if (!std::includes(given_up_.begin(), given_up_.end(), (*users)->begin(), (*users)->end())) continue;
      auto const stat = files_.lstat(store_.payload(hash));
      if (stat) freed_.add(store_.payload(hash), *stat);
    }
    return {};
  }

  fs::FileSystem& files_;
  Scan const& scan_;
  SharedStore store_;
  std::map<ScannedRepo const*, std::set<ScannedRevision const*>> selected_;
  std::set<std::string> blobs_;
  std::set<std::string> given_up_;  // links into the store that go
  std::set<std::string> payloads_;  // hashes they lead to
  Freed freed_;
};

/// Does as much as it can and keeps what failed.
class Execution {
 public:
  explicit Execution(std::vector<std::string>& problems) : problems_(problems) {}
  bool ok(Result<void> const& result) {
    if (result || is_absent(result.error())) return true;
    problems_.push_back(result.error().what);
    return false;
  }
  void kept(std::string const& blob, std::string const& why) { problems_.push_back("blob " + blob + " is kept: " + why); }

 private:
  std::vector<std::string>& problems_;
};

/// A whole repo: names before bytes, so that no scan in between finds a pointer without its blob.
Result<void> remove_folder(fs::FileSystem& files, std::string const& folder) {
  auto const stat = files.lstat(folder);
  if (!stat) return stat.error();
  if (stat->type == fs::Stat::Type::symlink) return files.remove(folder);
  auto const refs = files.remove_tree(folder + "/refs");
  if (!refs) return refs;
  auto const snapshots = files.list(folder + "/snapshots");
  if (snapshots && is_real_folder(files, folder + "/snapshots")) {
    for (auto const& name : *snapshots) {
      auto const removed = files.remove_tree(folder + "/snapshots/" + name);
      if (!removed) return removed;
    }
  }
  return files.remove_tree(folder);
}

/// The commit may have got a newer ref meanwhile, or the ref a newer commit: then it is not ours to take.
Result<void> remove_ref(fs::FileSystem& files, RemovalPlan::Ref const& ref) {
  auto const text = read_small_file(files, ref.path, ref_size_max);
  if (!text) return text.error();
  if (!*text || **text != ref.commit) return {};
  return files.remove(ref.path);
}

Result<void> remove_snapshot(fs::FileSystem& files, std::string const& snapshot) {
  auto const folder = files.lstat(parent_of(snapshot));
  if (!folder) return folder.error();
  if (folder->type != fs::Stat::Type::directory)
    return fail(ErrorKind::io, "remove " + snapshot + ": its folder was replaced by something else");
  return files.remove_tree(snapshot);
}

Result<std::unique_ptr<fs::Lock>> lock_blob(fs::FileSystem& files, std::string const& root, std::string const& blob) {
  auto const repo = parent_of(parent_of(blob));
  auto const folder = root + "/.locks/" + repo.substr(repo.find_last_of('/') + 1);
  auto const made = files.make_directories(folder);
  if (!made) return made.error();
  return files.try_lock(folder + "/" + blob.substr(blob.find_last_of('/') + 1) + ".lock");
}

/// Blobs of repos that a scan sees, and not used by what it sees.
Result<std::vector<std::string>> unused_of(fs::FileSystem& files, std::string const& root,
                                           std::vector<std::string> const& blobs, Execution& execution) {
  auto const now = scan(files, root);
  if (!now) return now.error();
  std::set<std::string_view> seen;
  std::set<std::string_view> used;
  for (auto const& repo : now->repos) {
    seen.insert(repo.path);
    for (auto const& revision : repo.revisions)
      for (auto const& file : revision.files) used.insert(file.blob);
  }
  std::vector<std::string> unused;
  for (auto const& blob : blobs) {
    if (used.contains(blob) || !files.lstat(blob)) continue;
    if (seen.contains(parent_of(parent_of(blob))))
      unused.push_back(blob);
    else
      execution.kept(blob, "its repo could not be read again");
  }
  return unused;
}

/// Somebody may have begun to use a blob since the plan was made: each goes under its lock, after one more scan.
Result<void> remove_blobs(fs::FileSystem& files, std::string const& root, std::vector<std::string> const& blobs,
                          Execution& execution) {
  for (std::size_t begin = 0; begin < blobs.size(); begin += locks_held_max) {
    std::vector<std::unique_ptr<fs::Lock>> locks;
    std::vector<std::string> locked;
    for (std::size_t i = begin; i < std::min(blobs.size(), begin + locks_held_max); ++i) {
      if (!files.lstat(blobs[i])) continue;
      auto lock = lock_blob(files, root, blobs[i]);
      if (!lock) {
        execution.kept(blobs[i], lock.error().what);
      } else if (!*lock) {
        execution.kept(blobs[i], "somebody holds its lock");
      } else {
        locks.push_back(std::move(*lock));
        locked.push_back(blobs[i]);
      }
    }
    if (locked.empty()) continue;
    auto const unused = unused_of(files, root, locked, execution);
    if (!unused) return unused.error();
    for (auto const& blob : *unused) execution.ok(files.remove(blob));
  }
  return {};
}

}  // namespace

std::uint64_t RemovalPlan::revisions() const {
  std::uint64_t count = 0;
  for (auto const& repo : repos) count += repo.revisions.size();
  return count;
}

Result<RemovalPlan> plan_removal(fs::FileSystem& files, Scan const& scan, std::vector<std::string> const& targets) {
  Planner planner(files, scan);
  std::vector<std::pair<ScannedRepo const*, ScannedFile const*>> chosen;
  std::size_t file_targets = 0;
  for (auto const& text : targets) {
    auto const target = parse_removal_target(text);
    if (!target) return target.error();
    if (!target->path.empty()) ++file_targets;
    bool found = false;
    for (auto const& repo : scan.repos) {
      if (target->commit.empty() && cache_id(repo) != target->repo) continue;
      if (target->commit.empty() && target->path.empty()) {
        planner.select(repo);
        found = true;
        continue;
      }
      for (auto const& revision : repo.revisions) {
        if (!target->commit.empty()) {
          if (revision.commit != target->commit) continue;
          planner.select(repo, revision);
          found = true;
          continue;
        }
        for (auto const& file : revision.files) {
          if (file.path != target->path) continue;
          chosen.emplace_back(&repo, &file);
          found = true;
        }
      }
    }
    if (!found) planner.plan.unknown_targets.push_back(text);
  }
  if (file_targets != 0 && file_targets != targets.size())
    return fail(ErrorKind::bad_request, "single files cannot be removed together with repos or revisions; use two calls");
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  planner.select_files(chosen);
  return planner.finish();
}

Result<RemovalPlan> plan_prune(fs::FileSystem& files, Scan const& scan) {
  Planner planner(files, scan);
  for (auto const& repo : scan.repos)
    for (auto const& revision : repo.revisions)
      if (revision.refs.empty()) planner.select(repo, revision);
  planner.plan.incomplete = scan.incomplete;
  planner.plan.payloads = scan.unused_payloads;
  return planner.finish();
}

Removed remove(fs::FileSystem& files, Random& random, std::string const& root, RemovalPlan const& plan) {
  Removed removed;
  Execution execution(removed.problems);
  for (auto const& ref : plan.refs) execution.ok(remove_ref(files, ref));
  for (auto const& pointer : plan.pointers)
    if (execution.ok(files.remove(pointer))) ++removed.files;
  for (auto const& snapshot : plan.snapshots)
    if (execution.ok(remove_snapshot(files, snapshot))) ++removed.revisions;
  auto folder = plan.folders.begin();
  for (auto const& repo : plan.repos) {
    if (!repo.entire || !execution.ok(remove_folder(files, *folder++))) continue;
    ++removed.repos;
    removed.revisions += repo.revisions.size();
  }

  // A name that could not be removed keeps its bytes.
  if (removed.problems.empty()) execution.ok(remove_blobs(files, root, plan.blobs, execution));
  for (auto const& file : plan.incomplete) {
    if (!execution.ok(files.remove(file.path))) continue;
    ++removed.incomplete;
    removed.freed += file.size;
  }
  SharedStore store(files, root);
  for (auto const& hash : plan.shared_payloads) {
    auto const collected = store.collect(random, hash);
    if (!collected) {
      removed.problems.push_back(collected.error().what);
      continue;
    }
    auto const listed = [&](UnusedPayload const& payload) { return payload.hash == hash; };
    if (*collected && std::any_of(plan.payloads.begin(), plan.payloads.end(), listed)) ++removed.payloads;
  }
  Freed gone;
  for (auto const& name : plan.names)
    if (auto const left = files.lstat(name.path); !left && is_absent(left.error())) gone.add(name.path, name.stat);
  removed.freed += gone.bytes();
  return removed;
}

}  // namespace hubd::cache
