// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/net/signal.h"
#include "core/store/store.h"

namespace hubd::transfer {

/// Which chunks are on their way to this host, and for whom: transfers that want the same chunks at once fetch them once, and
/// the others copy them from where the first one put them. All on one executor. Outlives the transfers.
class XetFlights {
 public:
  explicit XetFlights(asio::any_io_executor executor) : changed(std::move(executor)) {}
  XetFlights(XetFlights const&) = delete;
  XetFlights& operator=(XetFlights const&) = delete;

  using Owner = void const*;
  /// `owner` fetches chunks [first, end) of a xorb from now on, waiting for nobody.
  void begin(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end);
  /// A chunk stands in `owner`'s file, the private one of content `etag`.
  void arrived(Owner owner, std::string const& etag, xet::MerkleHash const& xorb, std::uint32_t index, store::RecipeChunk const& chunk,
               Bytes offset);
  /// What begin() said is over: arrived, or not to come any more.
  void end(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end);
  /// The owner's file is gone, or its chunks are found through the store.
  void leave(Owner owner);

  /// Somebody else fetches some of these chunks just now.
  [[nodiscard]] bool others_bring(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const;
  /// Chunks that others' fetches have brought, in order, disjoint.
  [[nodiscard]] std::vector<store::HeldRun> held(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const;

  net::Signal changed;  ///< a flight ended

 private:
  struct Flight {
    Owner owner;
    std::uint32_t first;
    std::uint32_t end;
  };
  struct Arrival {
    Owner owner;
    std::string const* etag;  // in etags_
    Bytes offset;
    store::RecipeChunk chunk;
  };
  struct Xorb {
    std::vector<Flight> flights;
    std::map<std::uint32_t, Arrival> chunks;
  };
  std::map<xet::MerkleHash, Xorb> xorbs_;
  std::map<Owner, std::string> etags_;
};

}  // namespace hubd::transfer
