// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/cache/scan.h"

namespace hubd::cache {

/// What is to be removed from a cache root, what that frees, and the paths it takes. Made from a scan, before anything is
/// touched, so that people can be asked.
struct RemovalPlan {
  struct Repo {
    RepoType type = RepoType::model;
    std::string id;
    bool entire = false;                     ///< the whole folder goes
    std::vector<ScannedRevision> revisions;  ///< those that go; all of them when `entire`
    Bytes size = 0;                          ///< of their unique blobs
  };
  std::vector<Repo> repos;                   ///< in the scan's order
  std::vector<ScannedFile> files;            ///< of single-file targets; then `repos` is empty
  std::vector<IncompleteFile> incomplete;    ///< of a prune
  std::vector<UnusedPayload> payloads;       ///< of a prune
  std::vector<std::string> unknown_targets;  ///< not in the cache
  Bytes freed = 0;                           ///< bytes whose last name goes

  // Absolute paths below the root, for remove().
  struct Ref {
    std::string path;
    std::string commit;  ///< what it said when the plan was made
  };
  /// A name whose going frees bytes, if all other names of them go too.
  struct Name {
    std::string path;
    fs::Stat stat;
  };
  std::vector<std::string> folders;  ///< of the entire repos, in the order of `repos`
  std::vector<Ref> refs;
  std::vector<std::string> snapshots;
  std::vector<std::string> pointers;
  std::vector<std::string> blobs;
  std::vector<std::string> shared_payloads;  ///< hashes: to be collected if nobody uses them afterwards
  std::vector<Name> names;                   ///< `freed` and Removed::freed are counted by them

  [[nodiscard]] std::uint64_t revisions() const;
  [[nodiscard]] bool empty() const {
    return folders.empty() && snapshots.empty() && pointers.empty() && incomplete.empty() && payloads.empty();
  }
};

/// Targets (hub-files 14.3): `type/repo_id` in any case, `hf://` URIs of a repo or (without `@rev`) of one file, 40-hex
/// commits. A target that the cache does not hold becomes one of `unknown_targets`.
/// Fails: bad_request (a URI that does not parse, file targets mixed with others), io.
Result<RemovalPlan> plan_removal(fs::FileSystem& files, Scan const& scan, std::vector<std::string> const& targets);

/// Revisions without a ref, incomplete files, and payloads of the shared store that nobody uses.
/// Fails: io.
Result<RemovalPlan> plan_prune(fs::FileSystem& files, Scan const& scan);

struct Removed {
  std::uint64_t repos = 0;      ///< whole folders
  std::uint64_t revisions = 0;  ///< also those of whole folders
  std::uint64_t files = 0;      ///< snapshot entries of single-file targets
  std::uint64_t incomplete = 0;
  std::uint64_t payloads = 0;   ///< of the shared store, listed by a prune
  Bytes freed = 0;              ///< of what is really gone
  std::vector<std::string> problems;  ///< one sentence for each path that could not be removed
};

/// Carries out a plan, in an order in which a crash or a scan in between finds no name without its bytes. Names go without
/// locks, as with stock tools: whoever uses the files notices. A blob goes under its lock, after a last look that nobody
/// uses it. A ref that moved since the plan was made stays. What is gone already is fine; what may not be removed is told
/// in `problems`, and the rest goes on.
Removed remove(fs::FileSystem& files, Random& random, std::string const& root, RemovalPlan const& plan);

}  // namespace hubd::cache
