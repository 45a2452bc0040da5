// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "core/base/listing.h"
#include "core/engine/file_job.h"

namespace hubd::engine {

/// Asks, for the Xet files of a plan, which of their bytes are on this host and in whose files: metadata only. Several files at
/// once; chunks that two of them want are counted once. One run; all on the engine's executor.
class XetPlan {
 public:
  XetPlan(Context& context, XetDesk& desk, RepoRef repo, Commit commit, Caller caller)
      : context_(context), desk_(desk), repo_(std::move(repo)), commit_(commit), caller_(std::move(caller)) {}

  /// `planned` outlives run() and is `unknown` until it is known.
  void add(ListedFile file, PlannedFile& planned);
  /// Requests made. Never fails: what could not be asked stays unknown.
  asio::awaitable<std::uint64_t> run();

 private:
  struct Wanted {
    ListedFile file;
    PlannedFile* planned;
  };
  asio::awaitable<void> work();
  Async<void> ask(Wanted wanted);
  void account(PlannedFile& planned, transfer::XetTransfer::Estimate const& estimate);

  Context& context_;
  XetDesk& desk_;
  RepoRef repo_;
  Commit commit_;
  Caller caller_;
  std::shared_ptr<cas::TokenSource> tokens_;  // shared with transfers of the snapshot
  std::deque<Wanted> wanted_;
  transfer::XetTransfer::Promises promises_;
  std::uint64_t requests_ = 0;
  bool away_ = false;  // the CAS did not answer: it is not asked again
};

}  // namespace hubd::engine
