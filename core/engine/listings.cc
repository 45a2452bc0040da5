// SPDX-License-Identifier: Apache-2.0
#include "core/engine/listings.h"

#include <algorithm>

namespace hubd::engine {
namespace {

constexpr std::size_t recent_files_max = 50'000;  // in memory, over all listings
constexpr std::size_t named_max = 500;            // more named files than this are cheaper by a listing

Error no_such_file(RepoRef const& repo, std::string const& path, std::string const& revision) {
  return fail(ErrorKind::entry_not_found, "file " + path + " does not exist in " + describe(repo) + " at revision " + revision +
                                              "; see its files with `hubctl plan " + repo.id + "`");
}

Result<std::vector<ListedFile>> select(Listing const& listing, RepoRef const& repo, std::string const& revision, Selection const& selection) {
  std::vector<ListedFile> files;
  if (selection.files.empty()) {
    for (auto const& file : listing)
      if (selection.filter.keeps(file.path)) files.push_back(file);
    return files;
  }
  for (auto const& name : selection.files) {
    auto const found = std::lower_bound(listing.begin(), listing.end(), name, [](ListedFile const& file, std::string const& path) { return file.path < path; });
    if (found == listing.end() || found->path != name) return no_such_file(repo, name, revision);
    files.push_back(*found);
  }
  return files;
}

}  // namespace

hub::CallContext Listings::call(Caller const& caller, std::uint64_t& requests) const {
  hub::CallContext call;
  call.token = caller.token;
  call.user_agent = caller.user_agent;
  call.progress_deadline = context_.options.metadata_timeout;
  call.requests = &requests;
  return call;
}

void Listings::keep(Key key, std::shared_ptr<Listing const> listing) {
  recent_files_ += listing->size();
  recent_.emplace_front(std::move(key), std::move(listing));
  while (recent_.size() > 1 && recent_files_ > recent_files_max) {
    recent_files_ -= recent_.back().second->size();
    recent_.pop_back();
  }
}

std::shared_ptr<Listing const> Listings::recall(Key const& key) {
  for (auto entry = recent_.begin(); entry != recent_.end(); ++entry) {
    if (entry->first != key) continue;
    recent_.splice(recent_.begin(), recent_, entry);
    return recent_.front().second;
  }
  return nullptr;
}

Async<std::shared_ptr<Listing const>> Listings::stored(RepoRef repo, Commit commit, std::string local_dir) {
  Key const key{repo, commit};
  if (auto known = recall(key)) co_return known;
  auto read = [&]() -> Result<std::optional<Listing>> {
    auto listing = context_.parts.cache.read_tree(repo, commit);
    if (!listing || *listing || local_dir.empty()) return listing;
    cache::LocalDir folder(context_.parts.files, context_.parts.random, context_.clock(), local_dir);
    return folder.read_tree(commit);
  };
  auto found = co_await net::offload(context_.parts.disk, read);
  if (!found) co_return found.error();
  if (auto known = recall(key)) co_return known;  // another caller read or asked meanwhile
  if (!*found) co_return std::shared_ptr<Listing const>();
  auto listing = std::make_shared<Listing const>(std::move(**found));
  keep(key, listing);
  co_return listing;
}

Async<Listings::Chosen> Listings::choose(RepoRef repo, Commit commit, std::string revision, Selection selection, Caller caller,
                                         std::string local_dir, bool fresh) {
  Chosen chosen;
  auto listing = co_await stored(repo, commit, local_dir);
  if (!listing) co_return listing.error();
  if (!*listing) {
    bool const few = !selection.files.empty() && selection.files.size() <= named_max;
    if (few) {
      auto named = co_await choose_named(repo, commit, revision, selection.files, caller, fresh);
      co_return named;
    }
    Result<Answer> answer = fail(ErrorKind::offline, "offline");
    auto leader = std::make_shared<bool>(false);  // shared with the work, which may outlive this caller
    if (!context_.offline(caller)) {
      std::function<Async<Answer>()> work = [this, repo, commit, caller, local_dir, leader]() {
        *leader = true;
        return ask_tree(repo, commit, caller, local_dir);
      };
      std::tuple<RepoRef, Commit, std::string, std::string> key{repo, commit, local_dir, fingerprint(caller.token)};
      answer = co_await flights_.share(std::move(key), std::move(work));
    }
    if (answer) {
      *listing = answer->listing;
      chosen.requests = *leader ? answer->requests : 0;
    } else {
      if (!hub_is_away(answer.error())) co_return answer.error();
      // A cache of an older client has no listing: what stands in the snapshot is all that can be known.
      auto walked = co_await walk(repo, commit);
      if (!walked) co_return walked.error();
      if (walked->empty()) {
        if (answer.error().kind != ErrorKind::offline) co_return answer.error();
        co_return fail(ErrorKind::local_entry_not_found, describe(repo) + " at " + revision + " is not in the cache and hubd is offline; go online or download it first");
      }
      chosen.warning = "the Hub could not be asked for the files of this commit: only what was already cached is here";
      *listing = std::make_shared<Listing const>(std::move(*walked));
    }
  }
  auto files = select(**listing, repo, revision, selection);
  if (!files) {
    auto marking = mark_absent(repo, commit, revision, **listing, selection.files);
    auto const marked = co_await std::move(marking);
    if (!marked) context_.parts.log.warning(marked.error().what);
    co_return files.error();
  }
  chosen.files = std::move(*files);
  if (chosen.files.empty() && !(*listing)->empty()) chosen.warning = "No files matched the patterns in " + describe(repo);
  co_return chosen;
}

Async<Listings::Chosen> Listings::choose_named(RepoRef repo, Commit commit, std::string revision, std::vector<std::string> names,
                                               Caller caller, bool fresh) {
  Chosen chosen;
  bool doubted = fresh;
  // Files whose pointers stand already say themselves what they are; whether their size is right only the Hub knows,
  // unless hubd hashed them.
  auto look = [&]() -> Result<Listing> {
    Listing here;
    for (auto const& name : names) {
      auto const present = context_.parts.cache.find_file(repo, commit, name);
      if (!present) return present.error();
      if (!*present) {
        auto const absent = context_.parts.cache.marked_absent(repo, commit, name);
        if (absent && *absent) return no_such_file(repo, name, revision);
        continue;
      }
      if (!ContentId::parse((*present)->etag)) continue;
      ListedFile file;
      file.path = name;
      file.size = (*present)->stat.size;
      ((*present)->etag.size() == 64 ? file.lfs_sha256 : file.blob_id) = (*present)->etag;
      doubted = doubted || context_.ledger->look((*present)->stat, file.etag()) != Ledger::Verdict::verified;
      here.push_back(std::move(file));
    }
    return here;
  };
  auto here = co_await net::offload(context_.parts.disk, look);
  if (!here) co_return here.error();
  bool const all_here = here->size() == names.size();
  if (all_here && (!doubted || context_.offline(caller))) {
    chosen.files = std::move(*here);
    co_return chosen;
  }
  if (context_.offline(caller))
    co_return fail(ErrorKind::local_entry_not_found, "some of the files asked for of " + describe(repo) + " at " + revision + " are not in the cache and hubd is offline; go online or download them first");
  auto context = call(caller, chosen.requests);
  auto answer = co_await context_.parts.hub.paths_info(repo, commit.hex(), names, context);
  if (!answer && all_here && hub_is_away(answer.error())) {
    chosen.files = std::move(*here);
    co_return chosen;
  }
  if (!answer) co_return answer.error();
  std::sort(answer->begin(), answer->end(), [](ListedFile const& a, ListedFile const& b) { return a.path < b.path; });
  Selection selection;
  selection.files = names;
  auto files = select(*answer, repo, revision, selection);
  if (!files) {
    auto marking = mark_absent(repo, commit, revision, *answer, names);
    auto const marked = co_await std::move(marking);
    if (!marked) context_.parts.log.warning(marked.error().what);
    co_return files.error();
  }
  chosen.files = std::move(*files);
  co_return chosen;
}

Async<void> Listings::mark_absent(RepoRef repo, Commit commit, std::string revision, Listing const& listing,
                                  std::vector<std::string> names) {
  auto note = [&]() -> Result<void> {
    for (auto const& name : names) {
      bool const listed = std::any_of(listing.begin(), listing.end(), [&](ListedFile const& file) { return file.path == name; });
      if (listed) continue;
      auto const marked = context_.parts.cache.mark_absent(repo, commit, name);
      if (!marked) return marked.error();
    }
    return context_.parts.cache.write_ref(repo, revision, commit);
  };
  auto noted = co_await net::offload(context_.parts.disk, note);
  co_return noted;
}

Async<Listings::Answer> Listings::ask_tree(RepoRef repo, Commit commit, Caller caller, std::string local_dir) {
  Answer answer;
  auto context = call(caller, answer.requests);
  Result<Listing> listing = co_await context_.parts.hub.tree(repo, commit.hex(), context);
  for (auto const& mirror : context_.mirrors(repo.endpoint)) {
    if (listing || !hub_is_away(listing.error()) || context_.stopping) break;
    auto elsewhere = repo;
    elsewhere.endpoint = mirror;
    hub::CallContext anonymous = context;
    anonymous.token = Secret();
    anonymous.retries = 0;
    listing = co_await context_.parts.hub.tree(elsewhere, commit.hex(), anonymous);
  }
  if (!listing) co_return listing.error();
  auto const shared = std::make_shared<Listing const>(std::move(*listing));
  auto store = [&]() -> Result<void> {
    if (local_dir.empty()) return context_.parts.cache.write_tree(repo, commit, *shared);
    cache::LocalDir folder(context_.parts.files, context_.parts.random, context_.clock(), local_dir);
    return folder.write_tree(commit, *shared);
  };
  auto const stored = co_await net::offload(context_.parts.disk, store);
  if (!stored) co_return stored.error();
  Key const key{repo, commit};
  keep(key, shared);
  answer.listing = shared;
  co_return answer;
}

Async<Listing> Listings::walk(RepoRef repo, Commit commit) {
  auto look = [&]() -> Result<Listing> {
    Listing listing;
    std::vector<std::string> folders{""};
    auto const root = context_.parts.cache.layout().snapshot(repo, commit);
    while (!folders.empty()) {
      auto const folder = folders.back();
      folders.pop_back();
      auto const names = context_.parts.files.list(root + (folder.empty() ? "" : "/" + folder));
      if (!names) {
        if (names.error().kind == ErrorKind::local_entry_not_found) continue;
        return names.error();
      }
      for (auto const& name : *names) {
        auto const path = folder.empty() ? name : folder + "/" + name;
        auto const stat = context_.parts.files.lstat(root + "/" + path);
        if (stat && stat->type == fs::Stat::Type::directory) {
          folders.push_back(path);
          continue;
        }
        auto const present = context_.parts.cache.find_file(repo, commit, path);
        if (!present) return present.error();
        if (!*present || !ContentId::parse((*present)->etag)) continue;
        ListedFile file;
        file.path = path;
        file.size = (*present)->stat.size;
        ((*present)->etag.size() == 64 ? file.lfs_sha256 : file.blob_id) = (*present)->etag;
        listing.push_back(std::move(file));
      }
    }
    std::sort(listing.begin(), listing.end(), [](ListedFile const& a, ListedFile const& b) { return a.path < b.path; });
    return listing;
  };
  auto listing = co_await net::offload(context_.parts.disk, look);
  co_return listing;
}

}  // namespace hubd::engine
