// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/cache/local_dir.h"
#include "core/engine/context.h"
#include "core/engine/single_flight.h"

namespace hubd::engine {

/// The files of a commit. A commit never changes, so a complete listing is asked once and stored where huggingface_hub
/// stores it; a few named files of an unlisted commit cost one paths-info request instead of a long listing.
/// All on the engine's executor.
class Listings {
 public:
  Listings(Context& context, net::TaskGroup& tasks) : context_(context), flights_(context.parts.executor, tasks) {}

  struct Chosen {
    std::vector<ListedFile> files;
    std::uint64_t requests = 0;
    std::string warning;
  };
  /// The selected files. `fresh`: named files are asked for although something of their name is here. Fails: entry_not_found (a named file), revision_not_found, ..., local_entry_not_found when
  /// nothing is known and the Hub cannot be asked.
  Async<Chosen> choose(RepoRef repo, Commit commit, std::string revision, Selection selection, Caller caller, std::string local_dir,
                       bool fresh = false);
  /// The stored complete listing; null when there is none. No request.
  Async<std::shared_ptr<Listing const>> stored(RepoRef repo, Commit commit, std::string local_dir);

 private:
  using Key = std::pair<RepoRef, Commit>;
  struct Answer {
    std::shared_ptr<Listing const> listing;
    std::uint64_t requests = 0;
  };
  Async<Answer> ask_tree(RepoRef repo, Commit commit, Caller caller, std::string local_dir);
  Async<Chosen> choose_named(RepoRef repo, Commit commit, std::string revision, std::vector<std::string> names, Caller caller, bool fresh);
  /// Writes .no_exist for the named files that the commit does not have, as the stock client does.
  Async<void> mark_absent(RepoRef repo, Commit commit, std::string revision, Listing const& listing, std::vector<std::string> names);
  Async<Listing> walk(RepoRef repo, Commit commit);
  /// From memory; null when it is not there.
  std::shared_ptr<Listing const> recall(Key const& key);
  void keep(Key key, std::shared_ptr<Listing const> listing);
  [[nodiscard]] hub::CallContext call(Caller const& caller, std::uint64_t& requests) const;

  Context& context_;
  SingleFlight<std::tuple<RepoRef, Commit, std::string, std::string>, Answer> flights_;  // ..., local_dir, token
  std::list<std::pair<Key, std::shared_ptr<Listing const>>> recent_;  // newest first; shared with callers that use one
  std::size_t recent_files_ = 0;
};

}  // namespace hubd::engine
