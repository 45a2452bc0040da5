// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <set>
#include <string>

#include "core/cas/client.h"
#include "core/engine/context.h"
#include "core/xet/file_hasher.h"

namespace hubd::engine {

/// A content's chunks, learned from its bytes while they are read for another reason: half of its recipe. Where the Hub keeps
/// the chunks is not known from bytes (Adoption::name_terms).
class ChunkLesson {
 public:
  ChunkLesson(ContentId id, Bytes size) : recipe_{std::move(id), {}, size, {}, {}} {}
  void update(std::span<std::byte const> data);
  /// After all bytes. Call once.
  store::Recipe finish();

 private:
  store::Recipe recipe_;
  xet::FileHasher hasher_;
};

/// Is it worth chunking: large, and of the kind that may be on the Hub as a Xet file?
bool worth_adopting(std::string const& etag, Bytes size);

/// Gives recipes without terms their terms, so that contents that came by another way than Xet (the stock client's, plain ones)
/// serve as sources: the file's own reconstruction says which chunks of which xorbs it consists of; of a file that the CAS does
/// not know, dedup queries say it of some chunks. Metadata only. All on the engine's executor.
class Adoption {
 public:
  explicit Adoption(Context& context) : context_(context) {}

  /// Asks for a few contents that were not asked for yet, with the right to read that a transfer holds. Failures are kept and
  /// only cost the reuse.
  Async<void> name_terms(cas::TokenSource& tokens, std::string user_agent);
  /// The same for given contents, also those that were asked for before; how many could be named. Fails: cancelled.
  Async<std::uint64_t> name_contents(cas::TokenSource& tokens, std::string user_agent, std::vector<std::string> etags);

 private:
  /// Chunk -> (xorb, index); a zero hash where nobody knows.
  struct Named {
    xet::MerkleHash xorb;
    std::uint32_t index = 0;
  };
  /// Asks for one content and notes the answer. Fails: as the questions; local_entry_not_found when the CAS knows nothing of it.
  Async<void> name(cas::TokenSource& tokens, store::Recipe recipe, cas::CallContext context);
  [[nodiscard]] cas::CallContext call(std::string user_agent, std::uint64_t& requests) const;
  Async<std::vector<Named>> ask_reconstruction(cas::TokenSource& tokens, store::Recipe const& recipe, cas::CallContext context);
  Async<std::vector<Named>> ask_for_chunks(cas::TokenSource& tokens, store::Recipe const& recipe, cas::CallContext context);

  Context& context_;
  std::set<std::string> asked_;  // etags
};

}  // namespace hubd::engine
