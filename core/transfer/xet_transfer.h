// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/base/log.h"
#include "core/cas/client.h"
#include "core/net/signal.h"
#include "core/net/timers.h"
#include "core/transfer/chunk_holder.h"
#include "core/transfer/extent_set.h"
#include "core/transfer/headway.h"
#include "core/transfer/movement.h"
#include "core/transfer/partial.h"
#include "core/transfer/permits.h"
#include "core/transfer/xet_flights.h"
#include "core/transfer/xet_layout.h"
#include "core/transfer/xet_unpacker.h"

namespace hubd::transfer {

/// One Xet file's bytes from a CAS into a partial, until its chunks' Merkle root is the file's id.
///
/// A planner asks how to build what lacks, in blocks of the file; several connections fetch ranges of xorbs, in any order;
/// each chunk is unpacked, hashed and written in place where the file wants it, and noted, so an interruption costs at most
/// what a connection held. URLs are renewed shortly before they expire. Chunks that this host has are copied, and hashed on the way, instead of fetched. A range that
/// breaks goes on behind its last whole chunk. When the root is wrong, what no
/// xorb hash confirms is fetched once more by new URLs; then it is `corrupt`.
///
/// Threading: all on `executor`; disk and hashing are offloaded. Cancelling run() stops soon, keeping the bytes.
class XetTransfer final : public Movement {
 public:
  struct Parts : Movement::Parts {
    cas::Client& cas;
    cas::TokenSource& tokens;
    ChunkHolder& holder;
    XetFlights& flights;
  };
  struct Options {
    std::string name;    ///< "file model.bin of model org/name", for sentences
    std::string folder;  ///< of partials
    std::string user_agent;
    std::size_t connections = 8;
    Bytes block_size = 1_GiB;  ///< of the file: one question to the CAS
    Bytes bridge_max = 256_KiB;  ///< chunks that are here and cost less than another question: fetched with what is beside them
    Duration progress_timeout = std::chrono::seconds(60);
  };
  XetTransfer(Parts parts, Options options, ContentId id, xet::MerkleHash file, Bytes size);
  ~XetTransfer() override;
  XetTransfer(XetTransfer const&) = delete;
  XetTransfer& operator=(XetTransfer const&) = delete;

  /// Fails: corrupt; disk_full, io; entry_not_found when the CAS does not know the file; stalled, unreachable, bad_upstream,
  /// rate_limited when nothing arrived for progress_timeout; the Hub's refusals of a token; cancelled.
  Async<void> run() override;

  /// Where the bytes would come from.
  struct Estimate {
    Bytes network = 0;                    ///< as it travels: packed
    Bytes partial = 0;                    ///< of the file: an earlier attempt's
    std::map<std::string, Bytes> copied;  ///< of the file, by the content that has them
    Bytes promised = 0;                   ///< of the file, that another transfer of the same plan brings
  };
  /// Chunks that transfers of one plan bring, by xorb.
  using Promises = std::map<xet::MerkleHash, ExtentSet>;
  /// What run() would do, without moving or writing anything: asks how to build the file and looks what is here. Instead of
  /// run(), once. Adds to `promises` what it would fetch. Fails: as the questions to the CAS.
  Async<Estimate> estimate(Promises& promises);

  [[nodiscard]] std::string const& path() const override { return partial_->path(); }
  [[nodiscard]] fs::File& file() override { return partial_->file(); }
  Result<void> discard() override;
  /// After run(): the file's chunks and terms, in its order.
  [[nodiscard]] std::vector<PlacedChunk> const& chunks() const { return chunks_; }
  [[nodiscard]] std::vector<XetTerm> const& terms() const { return terms_; }

  [[nodiscard]] Bytes reused() const { return reused_; }  ///< of the file, that came from this host's chunks
  [[nodiscard]] Bytes bridged() const { return bridged_; }  ///< unpacked, that were fetched although they were here: between others that lacked
  [[nodiscard]] Bytes done() const override { return covered_.total(); }
  [[nodiscard]] Bytes fetched() const override { return received_; }  ///< as it travels: packed
  [[nodiscard]] std::uint64_t requests() const override { return requests_; }
  [[nodiscard]] std::string const& waiting_for() const override { return waiting_for_; }
  [[nodiscard]] Duration silence() const override { return headway_.idle(); }
  [[nodiscard]] std::uint64_t mismatches() const override { return mismatches_; }

 private:
  /// A part of the file that nobody has asked for yet.
  struct Gap {
    Extent extent;
    bool exact = false;  ///< whole chunks that are known to lack: take what the answer says, unless some of it is here by then
  };
  /// A run of chunks that another content holds.
  struct Copy {
    std::string etag;
    Bytes from = 0;  ///< in that content
    Bytes to = 0;    ///< in this file
    std::vector<store::RecipeChunk> chunks;
  };
  struct Queued {
    XetFetch fetch;
    std::uint64_t generation = 0;  ///< of its URLs
    std::uint64_t landings = 0;    ///< of flights, when it was looked up what is here
    bool exact = false;            ///< as Gap::exact
    std::uint32_t first = 0;       ///< of the flight
    std::uint32_t end = 0;
    unsigned wrong = 0;  ///< answers in a row that brought no chunk and cannot be right
    std::optional<Time> renew_at{};  ///< its URL is soon over then
  };
  /// What came of one fetch.
  struct Fetched {
    Bytes came = 0;
    bool wrong = false;  ///< the answer cannot be what it should be
  };
  Async<void> open();
  Async<void> pass();
  asio::awaitable<void> plan();
  asio::awaitable<void> work();
  asio::awaitable<void> copy();
  Async<void> look_here(std::vector<XetTerm> const& terms);
  Async<void> claim(XetTerm term, std::vector<store::HeldRun> runs);
  Async<std::optional<Bytes>> locate(XetTerm term, store::HeldRun const& run);
  void add_copy(store::HeldRun const& run, Bytes to);
  Async<void> copy_some(Copy& rest, fs::Buffer& buffer, std::unique_ptr<fs::File>& file);
  Async<void> ask(Gap gap, unsigned attempt);
  void sort_out(Queued queued);
  void take_off(Queued queued);
  void land(Queued const& queued);
  asio::awaitable<void> wait_for_flights();
  Async<void> fetch(XetFetch& rest, Permit& permit, unsigned attempt, Fetched& result);
  void arrived(Bytes count);
  /// Its URL may not be used any more.
  [[nodiscard]] bool over(Queued const& queued) const;
  Async<void> unpack(XetUnpacker& unpacker, std::span<std::byte> buffer, std::size_t& filled);
  void put_back(Queued queued);
  void ask_anew(Extent extent);
  std::optional<Duration> judge(Error const& error, unsigned& attempt, bool progressed);
  void end(Error error);
  [[nodiscard]] bool idle() const { return gaps_.empty() && queue_.empty() && copies_.empty() && waiting_.empty() && active_ == 0 && copying_ == 0 && !planning_; }
  void placed(std::vector<PlacedChunk> const& chunks);
  [[nodiscard]] Bytes known_of(xet::MerkleHash const& xorb, std::vector<PlacedChunk> const& arrived) const;
  [[nodiscard]] Error about(Error error) const;
  [[nodiscard]] cas::CallContext context(unsigned attempt = 0);

  void settle();
  [[nodiscard]] bool whole_and_right();
  [[nodiscard]] std::vector<Extent> suspects() const;

  Parts parts_;
  Options options_;
  ContentId id_;
  xet::MerkleHash file_;
  Bytes size_;
  std::unique_ptr<Partial> partial_;
  std::vector<PlacedChunk> chunks_;  // as they were placed; settle() puts them in order
  ExtentSet covered_;                // what stands in the partial
  ExtentSet claimed_;                // that, and what a copy will bring
  std::vector<XetTerm> terms_;
  ExtentSet terms_known_;
  std::deque<Gap> gaps_;
  std::deque<Queued> queue_;
  std::deque<Copy> copies_;
  std::set<std::pair<xet::MerkleHash, std::uint32_t>> unplaced_;  // chunks that are here and too few for the question where they belong
  std::set<std::string> failed_sources_;  // contents that could not be copied from: not tried again
  std::deque<Queued> waiting_;  // for flights with some of their chunks
  std::size_t active_ = 0;       // workers with a fetch
  std::size_t with_permit_ = 0;  // of these, past the queue
  std::size_t copying_ = 0;
  bool planning_ = false;
  bool ended_ = false;
  std::optional<Error> fatal_;
  std::uint64_t generation_ = 0;  // of the URLs that are asked for now
  std::uint64_t stale_ = 0;       // URLs up to this generation are over
  unsigned refusals_ = 0;         // 403 in a row
  bool repairing_ = false;
  bool discarded_ = false;
  bool estimating_ = false;       // nobody is to wait for what we would fetch
  bool probing_ = true;           // runs in the middle of a term are looked for
  Bytes received_ = 0;
  Bytes reused_ = 0;
  Bytes bridged_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t mismatches_ = 0;
  Headway headway_;
  std::string waiting_for_;
  net::Signal changed_;
};

}  // namespace hubd::transfer
