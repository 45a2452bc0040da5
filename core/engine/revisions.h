// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "core/engine/context.h"
#include "core/engine/refusals.h"
#include "core/engine/single_flight.h"

namespace hubd::engine {

/// Revisions to commits. A full commit costs nothing; a branch is asked at most once per `branch_max_age`, by one request
/// however many callers; a Hub that cannot be asked gives the last known commit, marked stale. Its "no" is believed for moments.
/// An answer serves only callers with the same token. All on the engine's executor.
class Revisions {
 public:
  Revisions(Context& context, net::TaskGroup& tasks) : context_(context), flights_(context.parts.executor, tasks) {}

  struct Resolved {
    Commit commit;
    bool stale = false;
    std::string warning;         ///< why it is stale
    std::uint64_t requests = 0;  ///< made for this call
  };
  /// Fails: revision_not_found, repository_not_found, gated_repo, ... ; local_entry_not_found offline; what the request
  /// failed with when nothing is known here.
  Async<Resolved> resolve(RepoRef repo, std::string revision, Caller caller);
  /// What is known on disk, without any request. Fails: local_entry_not_found.
  Async<Resolved> resolve_locally(RepoRef repo, std::string revision);

 private:
  using Key = std::tuple<RepoRef, std::string, std::string>;  // repo, revision, token
  struct Known {
    Commit commit;
    Time asked{};
    std::string away;  ///< why the Hub could not be asked; empty: it answered
  };
  struct Answer {
    Commit commit;
    std::uint64_t requests = 0;
  };
  /// What was learned within `branch_max_age`: the Hub's answer, or that it is away, so that callers do not wait for it one
  /// after the other.
  [[nodiscard]] std::optional<Resolved> recall(Key const& key) const;
  void keep(Key key, Known known);
  static Resolved stale(Commit commit, std::string const& revision, std::string const& why);
  Async<Answer> ask(Key key, RepoRef repo, std::string revision, Caller caller, unsigned retries);

  Context& context_;
  std::map<Key, Known> known_;
  Refusals<Key> refusals_;
  SingleFlight<Key, Answer> flights_;
};

}  // namespace hubd::engine
