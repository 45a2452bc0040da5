// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <list>
#include <map>
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
  /// The Xet route failed, in a way that another try in the next minute would only repeat. When the CAS could not be reached or
  /// fell silent, that holds for every repo of the endpoint: nobody else needs to find it out.
  void note_failure(RepoRef const& repo, Commit const& commit, Caller const& caller, ErrorKind why);

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
  std::map<std::string, Time> usable_from_;  // by endpoint, where its CAS is away
};

}  // namespace hubd::engine
