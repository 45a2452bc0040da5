// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "core/net/signal.h"
#include "core/store/store.h"

namespace hubd::transfer {

/// Which chunks are on their way to this host, and for whom: transfers that want the same chunks at once fetch them once, and
/// the others copy them from where the first one put them, also after it stopped half way and left its bytes. All on one
/// executor. Outlives the transfers.
class XetFlights {
 public:
  /// At most `left_max` chunks stay known of files that nobody fills: by default of some 16 GB of them, 30 MB here.
  explicit XetFlights(asio::any_io_executor executor, std::size_t left_max = 250'000) : changed(std::move(executor)), left_max_(left_max) {}
  XetFlights(XetFlights const&) = delete;
  XetFlights& operator=(XetFlights const&) = delete;

  using Owner = void const*;
  /// `owner` fetches chunks [first, end) of a xorb from now on, waiting for nobody.
  void begin(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end);
  /// A chunk stands in the private file of content `etag`.
  void arrived(std::string const& etag, xet::MerkleHash const& xorb, std::uint32_t index, store::RecipeChunk const& chunk, Bytes offset);
  /// What begin() said is over: arrived, or not to come any more.
  void end(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end);
  /// All of the owner's flights are over, and nobody fills the private file of `etag` now. Its chunks stay known, until
  /// those of files that were left later take their room.
  void leave(Owner owner, std::string const& etag);
  /// The private file of this content is gone, or its chunks are found through the store.
  void forget(std::string const& etag);

  /// Somebody, also the one who asks, fetches some of these chunks just now.
  [[nodiscard]] bool bring(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const;
  /// How many flights ended so far.
  [[nodiscard]] std::uint64_t landings() const { return landings_; }
  /// Flights that brought, perhaps, some of these chunks ended since there were so many landings.
  [[nodiscard]] bool brought(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end, std::uint64_t since) const;
  /// Chunks that fetches have brought, in order, disjoint.
  [[nodiscard]] std::vector<store::HeldRun> held(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const;

  /// Bytes of chunks that arrived: what bridges may cost follows from them.
  void note_fetched(Bytes bytes) { fetched_ += bytes; }
  /// May so many bytes that are here be fetched again, to spare a question? All of them together stay below 1/64 of what was fetched.
  [[nodiscard]] bool may_bridge(Bytes bytes);

  net::Signal changed;  ///< a flight ended

 private:
  static constexpr std::size_t recent_max = 1024;
  struct Flight {
    Owner owner;
    std::uint32_t first;
    std::uint32_t end;
  };
  struct Landing {
    xet::MerkleHash xorb;
    Flight flight;
  };
  struct Arrival {
    std::string const* etag;  // in files_
    Bytes offset;
    store::RecipeChunk chunk;
  };
  struct Xorb {
    std::vector<Flight> flights;
    std::map<std::uint32_t, Arrival> chunks;
  };
  void take_back(std::string const& etag);
  void note_landing(xet::MerkleHash const& xorb, Flight const& flight);

  std::size_t left_max_;
  std::map<xet::MerkleHash, Xorb> xorbs_;
  std::map<std::string, std::size_t> files_;  // by etag: its chunks here
  std::list<std::string> left_;               // etags of files that nobody fills, the longest left first
  std::size_t left_chunks_ = 0;
  std::deque<Landing> recent_;  // the latest last
  std::uint64_t landings_ = 0;
  Bytes fetched_ = 0;
  Bytes granted_ = 0;  // of bridges
};

}  // namespace hubd::transfer
