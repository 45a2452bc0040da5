// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <list>
#include <memory>
#include <string>

#include "core/cas/token_source.h"
#include "core/engine/context.h"

namespace hubd::engine {

/// The rights to read Xet content, one per repo, commit and token of a caller; shared by all files of a snapshot.
/// All on the engine's executor.
class XetAccesses {
 public:
  explicit XetAccesses(Context& context) : context_(context) {}

  /// Null while that repo's Xet content is known not to be had: the plain route serves then.
  std::shared_ptr<cas::TokenSource> find(RepoRef const& repo, Commit const& commit, Caller const& caller);
  /// The Xet route failed, in a way that another try in the next minute would only repeat.
  void note_failure(RepoRef const& repo, Commit const& commit, Caller const& caller);

 private:
  class HubTokens;
  struct Entry {
    std::string key;
    std::shared_ptr<cas::TokenSource> tokens;
    Time usable_from{};
  };
  std::list<Entry>::iterator entry(RepoRef const& repo, Commit const& commit, Caller const& caller);
  Context& context_;
  std::list<Entry> recent_;  // the latest first
};

}  // namespace hubd::engine
