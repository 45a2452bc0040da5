// SPDX-License-Identifier: Apache-2.0
#include "core/engine/routes.h"

namespace hubd::engine {
namespace {

sched::RouteScores::Key key_of(http::Route const& route) { return {route.host, route.address}; }

}  // namespace

std::vector<std::string> Routes::order(std::string const& host, std::vector<std::string> addresses) {
  auto const now = clock_.now();
  scores_.know(host, addresses, now);
  return scores_.order(host, std::move(addresses), now);
}

bool Routes::avoid(http::Route const& route) { return scores_.has_better(key_of(route), clock_.now()); }

void Routes::moved(http::Route const& route, Bytes bytes, Duration taken) { scores_.moved(key_of(route), clock_.now(), bytes, taken); }

bool Routes::slow(http::Route const& route, Bytes bytes, Duration taken) const {
  return scores_.slow(route.host, clock_.now(), bytes, taken);
}

void Routes::failed(http::Route const& route) {
  if (route.address.empty()) return;
  auto const key = key_of(route);
  auto const now = clock_.now();
  bool const rested = scores_.resting(key, now);
  scores_.failed(key, now);
  if (!rested) log_.info("address " + route.address + " of " + route.host + " rests: nothing came of its last connection");
}

}  // namespace hubd::engine
