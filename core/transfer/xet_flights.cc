// SPDX-License-Identifier: Apache-2.0
#include "core/transfer/xet_flights.h"

#include <algorithm>

namespace hubd::transfer {

void XetFlights::begin(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) {
  xorbs_[xorb].flights.push_back({owner, first, end});
}

void XetFlights::arrived(std::string const& etag, xet::MerkleHash const& xorb, std::uint32_t index, store::RecipeChunk const& chunk,
                         Bytes offset) {
  take_back(etag);
  auto const file = files_.try_emplace(etag, 0).first;
  auto const [place, is_new] = xorbs_[xorb].chunks.try_emplace(index, Arrival{&file->first, offset, chunk});
  if (!is_new) {
    --files_.at(*place->second.etag);
    place->second = {&file->first, offset, chunk};
  }
  ++file->second;
}

void XetFlights::end(Owner owner, xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) {
  auto const found = xorbs_.find(xorb);
  if (found == xorbs_.end()) return;
  auto& flights = found->second.flights;
  auto const flight = std::find_if(flights.begin(), flights.end(),
                                   [&](Flight const& one) { return one.owner == owner && one.first == first && one.end == end; });
  if (flight == flights.end()) return;
  note_landing(xorb, *flight);
  flights.erase(flight);
  if (flights.empty() && found->second.chunks.empty()) xorbs_.erase(found);
  changed.notify();
}

void XetFlights::leave(Owner owner, std::string const& etag) {
  for (auto one = xorbs_.begin(); one != xorbs_.end();) {
    auto& [flights, chunks] = one->second;
    for (auto const& flight : flights)
      if (flight.owner == owner) note_landing(one->first, flight);
    std::erase_if(flights, [&](Flight const& flight) { return flight.owner == owner; });
    one = flights.empty() && chunks.empty() ? xorbs_.erase(one) : std::next(one);
  }
  auto const file = files_.find(etag);
  if (file != files_.end()) {
    take_back(etag);
    left_.push_back(etag);
    left_chunks_ += file->second;
    while (left_chunks_ > left_max_) forget(std::string(left_.front()));
  }
  changed.notify();
}

void XetFlights::take_back(std::string const& etag) {
  auto const place = std::find(left_.begin(), left_.end(), etag);
  if (place == left_.end()) return;
  left_.erase(place);
  left_chunks_ -= files_.at(etag);
}

void XetFlights::forget(std::string const& etag) {
  auto const file = files_.find(etag);
  if (file == files_.end()) return;
  take_back(etag);
  for (auto one = xorbs_.begin(); one != xorbs_.end();) {
    auto& [flights, chunks] = one->second;
    std::erase_if(chunks, [&](auto const& entry) { return entry.second.etag == &file->first; });
    one = flights.empty() && chunks.empty() ? xorbs_.erase(one) : std::next(one);
  }
  files_.erase(file);
}

bool XetFlights::may_bridge(Bytes bytes) {
  if (granted_ + bytes > fetched_ / 64) return false;
  granted_ += bytes;
  return true;
}

bool XetFlights::bring(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const {
  auto const found = xorbs_.find(xorb);
  if (found == xorbs_.end()) return false;
  auto const& flights = found->second.flights;
  return std::any_of(flights.begin(), flights.end(),
                     [&](Flight const& one) { return one.first < end && first < one.end; });
}

void XetFlights::note_landing(xet::MerkleHash const& xorb, Flight const& flight) {
  ++landings_;
  recent_.push_back({xorb, flight});
  if (recent_.size() > recent_max) recent_.pop_front();
}

bool XetFlights::brought(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end, std::uint64_t since) const {
  auto const news = landings_ - since;
  if (news > recent_.size()) return true;  // too long ago to tell
  auto const brought = [&](Landing const& one) {
    return one.xorb == xorb && one.flight.first < end && first < one.flight.end;
  };
  return std::any_of(recent_.end() - static_cast<std::ptrdiff_t>(news), recent_.end(), brought);
}

std::vector<store::HeldRun> XetFlights::held(xet::MerkleHash const& xorb, std::uint32_t first, std::uint32_t end) const {
  std::vector<store::HeldRun> runs;
  auto const found = xorbs_.find(xorb);
  if (found == xorbs_.end()) return runs;
  auto const& chunks = found->second.chunks;
  Bytes next = 0;  // where the chunk that goes on the last run would stand
  for (auto one = chunks.lower_bound(first); one != chunks.end() && one->first < end; ++one) {
    auto const& [index, arrival] = *one;
    bool const goes_on = !runs.empty() && runs.back().end == index && runs.back().etag == *arrival.etag && next == arrival.offset;
    if (!goes_on) runs.push_back({index, index, *arrival.etag, arrival.offset, {}});
    runs.back().end = index + 1;
    runs.back().chunks.push_back(arrival.chunk);
    next = arrival.offset + arrival.chunk.length;
  }
  return runs;
}

}  // namespace hubd::transfer
