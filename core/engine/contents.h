// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <list>
#include <memory>
#include <string>
#include <tuple>

#include "core/engine/context.h"

namespace hubd::engine {

/// Files that are read in place. What was learned of a file (its hash, where its bytes are redirected to) is kept for the
/// next range of the same token, so that a reader that seeks costs one request per range and no lookup.
/// All on the engine's executor.
class Contents {
 public:
  explicit Contents(Context& context) : context_(context) {}

  /// Null: the file is not among the remembered ones.
  std::shared_ptr<Content> recall(RepoRef const& repo, Commit const& commit, std::string const& path, Secret const& token);
  std::shared_ptr<Content> add(Caller const& caller, RepoRef repo, Commit commit, ListedFile file);

 private:
  class One;
  using Key = std::tuple<RepoRef, Commit, std::string, std::string>;  // ..., path, token
  Context& context_;
  std::list<std::pair<Key, std::shared_ptr<Content>>> recent_;  // newest first; shared with readers
  std::uint64_t next_ = 0;
};

}  // namespace hubd::engine
