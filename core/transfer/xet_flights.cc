// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_flights.h"

#include <algorithm>

namespace hubd::transfer {

void XetFlights::begin(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) {
  xorbs_[xorb].flights.push_back({owner, first, end});
}

void XetFlights::arrived(Owner owner, std::string const& etag, xet::MerkleHash const& xorb, std::uint32_t index,
                         store::RecipeChunk const& chunk, Bytes offset) {
  auto const name = etags_.try_emplace(owner, etag).first;
  xorbs_[xorb].chunks.insert_or_assign(index, Arrival{owner, &name->second, offset, chunk});
}

void XetFlights::end(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) {
  auto const found = xorbs_.find(xorb);
  if (found == xorbs_.end()) return;
  auto& flights = found->second.flights;
  auto const flight = std::find_if(flights.begin(), flights.end(),
                                   [&](Flight const& one) { return one.owner == owner && one.first == first && one.end == end; });
  if (flight == flights.end()) return;
  flights.erase(flight);
  if (flights.empty() && found->second.chunks.empty()) xorbs_.erase(found);
  changed.notify();
}

void XetFlights::leave(Owner owner) {
  for (auto one = xorbs_.begin(); one != xorbs_.end();) {
    auto& [flights, chunks] = one->second;
    std::erase_if(flights, [&](Flight const& flight) { return flight.owner == owner; });
    std::erase_if(chunks, [&](auto const& entry) { return entry.second.owner == owner; });
    one = flights.empty() && chunks.empty() ? xorbs_.erase(one) : std::next(one);
  }
  etags_.erase(owner);
  changed.notify();
}

bool XetFlights::others_bring(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const {
  auto const found = xorbs_.find(xorb);
  if (found == xorbs_.end()) return false;
  auto const& flights = found->second.flights;
  return std::any_of(flights.begin(), flights.end(),
                     [&](Flight const& one) { return one.owner != owner && one.first < end && first < one.end; });
}

std::vector<store::HeldRun> XetFlights::held(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const {
  std::vector<store::HeldRun> runs;
  auto const found = xorbs_.find(xorb);
  if (found == xorbs_.end()) return runs;
  auto const& chunks = found->second.chunks;
  Bytes next = 0;  // where the chunk that goes on the last run would stand
  for (auto one = chunks.lower_bound(first); one != chunks.end() && one->first < end; ++one) {
    auto const& [index, arrival] = *one;
    if (arrival.owner == owner) continue;
    bool const goes_on = !runs.empty() && runs.back().end == index && runs.back().etag == *arrival.etag && next == arrival.offset;
    if (!goes_on) runs.push_back({index, index, *arrival.etag, arrival.offset, {}});
    runs.back().end = index + 1;
    runs.back().chunks.push_back(arrival.chunk);
    next = arrival.offset + arrival.chunk.length;
  }
  return runs;
}

}  // namespace hubd::transfer
