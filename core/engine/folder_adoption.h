// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/adoption.h"
#include "core/engine/context.h"
#include "core/engine/file_lesson.h"
#include "core/engine/revisions.h"
#include "core/engine/store_care.h"
#include "core/engine/xet_accesses.h"

namespace hubd::engine {

/// Learns what stands below a folder: a stock cache, a download into a folder, any files. One file after the other on the
/// background threads; then the Hub is asked, per repo, where it keeps the chunks. What was learned stays, however it ends.
/// One run; all on the engine's executor.
class FolderAdoption {
 public:
  struct Parts {
    Context& context;
    Adoption& adoption;
    XetAccesses& accesses;
    Revisions& revisions;
    StoreListener& listener;
  };
  FolderAdoption(Parts parts, AdoptRequest request) : parts_(parts), request_(std::move(request)) {}
  /// Fails: as StoreCare::adopt.
  Async<StoreAdopted> run();

 private:
  struct Found {
    std::string path;
    Bytes size = 0;
    std::optional<RepoRef> repo;  ///< as the names of a Hugging Face cache say
  };
  /// Regular files below the folder, never through a link. Blocking.
  Result<std::vector<Found>> walk();
  Async<void> learn(Found found);
  /// The content of a file that was learned before; empty when it was not. Blocking.
  std::string known(Found const& found);
  /// Reads one file to its end. Fails: as FileLesson; cancelled, unavailable.
  Async<FileLesson::Learned> read(Found const& found);
  Async<void> name();
  /// Asks for the contents of one repo. Fails: cancelled; why the Hub cannot be asked.
  Async<void> name_of(RepoRef repo, std::string revision, std::vector<std::string> etags);
  void note(Found const& found, std::string const& etag);
  Async<void> still_wanted();

  Parts parts_;
  AdoptRequest request_;
  StoreProgress progress_;
  StoreAdopted adopted_;
  std::map<RepoRef, std::vector<std::string>> etags_;  // whose terms nobody named, by the repo that can be asked
};

}  // namespace hubd::engine
