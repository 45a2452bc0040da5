// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/counters.h"

#include <algorithm>
#include <boost/json.hpp>

namespace hubd::localhub {
namespace {

namespace json = boost::json;

json::object to_json(Count const& count) {
  return {{"requests", count.requests}, {"bytes", count.bytes}, {"bytes_in", count.bytes_in}};
}

// Under which names a client's xorbs count: all together, and its own when it has one.
std::vector<std::string> tallies(std::string const& client) {
  if (client.empty()) return {client};
  return {std::string(), client};
}

}  // namespace

Count Counters::route(std::string const& name) const {
  auto const it = routes.find(name);
  return it == routes.end() ? Count{} : it->second;
}

Count Counters::routes_sum(std::vector<std::string> const& names) const {
  Count sum;
  for (auto const& name : names) {
    auto const count = route(name);
    sum.requests += count.requests;
    sum.bytes += count.bytes;
    sum.bytes_in += count.bytes_in;
  }
  return sum;
}

RequestLine* Ledger::line(std::uint64_t seq) {
  if (lines_.empty() || seq < lines_.front().seq) return nullptr;
  auto const at = seq - lines_.front().seq;
  return at < lines_.size() ? &lines_[at] : nullptr;
}

std::uint64_t Ledger::begin(RequestLine line) {
  std::scoped_lock const lock(mutex_);
  ++counters_.in_flight;
  counters_.in_flight_max = std::max(counters_.in_flight_max, counters_.in_flight);
  line.seq = ++seq_;
  ++counters_.total.requests;
  ++counters_.routes[line.route].requests;
  ++counters_.clients[line.client].requests;
  ++client_routes_[line.client][line.route].requests;
  if (line.origin == "cdn" && line.authorization) ++counters_.cdn_authorization;
  lines_.push_back(std::move(line));
  if (lines_.size() > kLinesMax) lines_.pop_front();
  return seq_;
}

void Ledger::received(std::uint64_t seq, Bytes bytes) {
  std::scoped_lock const lock(mutex_);
  auto const* one = line(seq);
  if (one == nullptr) return;
  counters_.total.bytes_in += bytes;
  counters_.routes[one->route].bytes_in += bytes;
  counters_.clients[one->client].bytes_in += bytes;
  client_routes_[one->client][one->route].bytes_in += bytes;
}

void Ledger::answered(std::uint64_t seq, int status) {
  std::scoped_lock const lock(mutex_);
  auto* one = line(seq);
  if (one == nullptr) return;
  one->status = status;
  ++statuses_[one->route][status];
}

void Ledger::sent(std::uint64_t seq, Bytes bytes) {
  std::scoped_lock const lock(mutex_);
  auto* one = line(seq);
  if (one == nullptr) return;
  one->bytes += bytes;
  counters_.total.bytes += bytes;
  counters_.routes[one->route].bytes += bytes;
  counters_.clients[one->client].bytes += bytes;
  client_routes_[one->client][one->route].bytes += bytes;
}

void Ledger::asked(std::string const& client, XorbBody const& body) {
  std::scoped_lock const lock(mutex_);
  for (auto const& name : tallies(client)) {
    auto& xorb = xorbs_[name][body.xorb];
    xorb.chunks.resize(body.chunk_ends.size());
    ++xorb.requests;
    for (auto const& part : body.parts) ++xorb.ranges[{part.xorb_from, part.xorb_from + part.length}].requests;
  }
}

void Ledger::served(std::string const& client, XorbBody const& body, Bytes from, Bytes size) {
  std::scoped_lock const lock(mutex_);
  for (auto const& name : tallies(client)) {
    auto& xorb = xorbs_[name][body.xorb];
    xorb.chunks.resize(body.chunk_ends.size());
    for (auto const& part : body.parts) {
      auto const begin = std::max(from, part.body_from);
      auto const end = std::min(from + size, part.body_from + part.length);
      if (begin >= end) continue;
      xorb.bytes += end - begin;
      xorb.ranges[{part.xorb_from, part.xorb_from + part.length}].bytes += end - begin;
      // Chunks whose record ends in here, and began inside the part.
      auto const& ends = body.chunk_ends;
      auto const sent_from = part.xorb_from + (begin - part.body_from);
      auto const sent_to = part.xorb_from + (end - part.body_from);
      for (auto it = std::upper_bound(ends.begin(), ends.end(), sent_from); it != ends.end() && *it <= sent_to; ++it) {
        Bytes const starts = it == ends.begin() ? 0 : *std::prev(it);
        if (starts >= part.xorb_from) ++xorb.chunks[static_cast<std::size_t>(it - ends.begin())];
      }
    }
  }
}

void Ledger::end() {
  std::scoped_lock const lock(mutex_);
  if (counters_.in_flight > 0) --counters_.in_flight;
}

void Ledger::reset() {
  std::scoped_lock const lock(mutex_);
  auto const in_flight = counters_.in_flight;
  counters_ = {};
  counters_.in_flight = in_flight;
  counters_.in_flight_max = in_flight;
  statuses_.clear();
  client_routes_.clear();
  xorbs_.clear();
  lines_.clear();
}

Counters Ledger::counters() const {
  std::scoped_lock const lock(mutex_);
  return counters_;
}

std::vector<RequestLine> Ledger::lines() const {
  std::scoped_lock const lock(mutex_);
  return {lines_.begin(), lines_.end()};
}

json::value Ledger::counters_json(std::size_t connections) const {
  std::scoped_lock const lock(mutex_);
  json::object routes;
  for (auto const& [name, count] : counters_.routes) {
    auto item = to_json(count);
    json::object statuses;
    if (auto const seen = statuses_.find(name); seen != statuses_.end()) {
      for (auto const& [status, times] : seen->second) statuses[std::to_string(status)] = times;
    }
    item["statuses"] = statuses;
    routes[name] = item;
  }
  json::object clients;
  for (auto const& [name, count] : counters_.clients) {
    auto item = to_json(count);
    json::object by_route;
    for (auto const& [route, part] : client_routes_.at(name)) by_route[route] = to_json(part);
    item["routes"] = by_route;
    clients[name] = item;
  }
  return json::object{{"total", to_json(counters_.total)}, {"routes", routes}, {"clients", clients},
                      {"in_flight", counters_.in_flight}, {"in_flight_max", counters_.in_flight_max},
                      {"connections", connections}, {"cdn_authorization", counters_.cdn_authorization}};
}

XorbCounts Ledger::xorbs(std::string const& client) const {
  std::scoped_lock const lock(mutex_);
  auto const it = xorbs_.find(client);
  return it == xorbs_.end() ? XorbCounts{} : it->second;
}

json::value Ledger::xorbs_json() const {
  std::scoped_lock const lock(mutex_);
  json::object clients;
  for (auto const& [client, counts] : xorbs_) {
    json::object xorbs;
    std::uint64_t distinct = 0;
    std::uint64_t served = 0;
    std::uint64_t most = 0;
    Bytes bytes = 0;
    std::uint64_t requests = 0;
    for (auto const& [hash, xorb] : counts) {
      json::array ranges;
      for (auto const& [range, count] : xorb.ranges) {
        ranges.push_back(json::object{{"from", range.first}, {"to", range.second}, {"requests", count.requests}, {"bytes", count.bytes}});
      }
      json::array chunks;
      for (auto const times : xorb.chunks) {
        chunks.push_back(times);
        served += times;
        distinct += times > 0 ? 1 : 0;
        most = std::max(most, times);
      }
      bytes += xorb.bytes;
      requests += xorb.requests;
      xorbs[hash] = json::object{{"requests", xorb.requests}, {"bytes", xorb.bytes}, {"ranges", ranges}, {"chunks", chunks}};
    }
    clients[client.empty() ? "*" : client] = json::object{{"requests", requests}, {"bytes", bytes}, {"chunks_served", served},
                                                          {"chunks_distinct", distinct}, {"chunk_served_max", most}, {"xorbs", xorbs}};
  }
  return clients;
}

json::value Ledger::lines_json(std::size_t count) const {
  std::scoped_lock const lock(mutex_);
  json::array out;
  auto const first = lines_.size() - std::min(lines_.size(), count);
  for (auto i = first; i < lines_.size(); ++i) {
    auto const& line = lines_[i];
    out.push_back(json::object{{"seq", line.seq}, {"at", line.at}, {"origin", line.origin}, {"route", line.route}, {"method", line.method},
                               {"target", line.target}, {"status", line.status}, {"bytes", line.bytes}, {"range", line.range},
                               {"client", line.client}, {"session", line.session}, {"authorization", line.authorization},
                               {"counter_header", line.counter_header}});
  }
  return out;
}

}  // namespace hubd::localhub
