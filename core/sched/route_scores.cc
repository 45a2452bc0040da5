// SPDX-License-Identifier: Apache-2.0
#include "core/sched/route_scores.h"

#include <algorithm>

namespace hubd::sched {
namespace {

constexpr Duration rest_first = std::chrono::seconds(10);
constexpr Duration rest_max = std::chrono::minutes(5);
constexpr Duration forgotten = std::chrono::minutes(30);  // of an address that nobody uses
constexpr Duration sample_age_max = std::chrono::minutes(2);
constexpr std::size_t samples_max = 64;
constexpr std::size_t samples_min = 4;  // fewer say nothing about what is usual
constexpr std::size_t hosts_max = 256;  // then those that nobody uses are forgotten
constexpr double slow_share = 1.0 / 8;
constexpr Bytes proof_min = 64_KiB;  // that many bytes end a row of failures

double per_second(Bytes bytes, Duration taken) {
  auto const seconds = std::chrono::duration<double>(std::max<Duration>(taken, std::chrono::microseconds(1))).count();
  return static_cast<double>(bytes) / seconds;
}

}  // namespace

RouteScores::Address& RouteScores::at(Key const& key, Time now) {
  if (hosts_.size() >= hosts_max && !hosts_.contains(key.host)) tidy(now);
  auto& address = hosts_[key.host].addresses[key.address];
  address.seen = now;
  return address;
}

RouteScores::Address const* RouteScores::find(Key const& key) const {
  auto const host = hosts_.find(key.host);
  if (host == hosts_.end()) return nullptr;
  auto const address = host->second.addresses.find(key.address);
  return address == host->second.addresses.end() ? nullptr : &address->second;
}

void RouteScores::tidy(Time now) {
  std::erase_if(hosts_, [now](auto const& host) {
    auto const& addresses = host.second.addresses;
    return std::all_of(addresses.begin(), addresses.end(), [now](auto const& one) { return now - one.second.seen > forgotten; });
  });
}

void RouteScores::know(std::string const& host, std::vector<std::string> const& addresses, Time now) {
  for (auto const& address : addresses) at({host, address}, now);
  // Addresses that the name no longer has.
  std::erase_if(hosts_[host].addresses, [now](auto const& one) { return now - one.second.seen > forgotten; });
}

void RouteScores::moved(Key const& key, Time now, Bytes bytes, Duration taken) {
  auto const rate = per_second(bytes, taken);
  auto& address = at(key, now);
  address.rate = rate;
  if (bytes >= proof_min) {
    address.failures = 0;
    address.rested = Time{};
  }
  auto& samples = hosts_[key.host].samples;
  samples.push_back({now, rate});
  if (samples.size() > samples_max) samples.pop_front();
}

void RouteScores::failed(Key const& key, Time now) {
  auto& address = at(key, now);
  // Many connections to one address fail together: that is one failure.
  if (address.failures > 0 && now < address.rested) return;
  auto rest = rest_first;
  for (unsigned i = 0; i < address.failures && rest < rest_max; ++i) rest *= 2;
  ++address.failures;
  address.rested = now + std::min(rest, rest_max);
}

bool RouteScores::resting(Key const& key, Time now) const {
  auto const* const address = find(key);
  return address != nullptr && address->failures > 0 && now < address->rested;
}

std::vector<std::string> RouteScores::order(std::string const& host, std::vector<std::string> addresses, Time now) const {
  auto const rested = [&](std::string const& address) {
    auto const* const known = find({host, address});
    return known == nullptr || known->failures == 0 || now >= known->rested ? Time::min() : known->rested;
  };
  std::vector<std::pair<Time, std::string>> ordered;
  for (auto& address : addresses) {
    auto const until = rested(address);
    auto const place = std::find_if(ordered.begin(), ordered.end(), [until](auto const& one) { return one.first > until; });
    ordered.insert(place, {until, std::move(address)});
  }
  std::vector<std::string> names;
  for (auto& [until, address] : ordered) names.push_back(std::move(address));
  return names;
}

bool RouteScores::has_better(Key const& key, Time now) const {
  if (!resting(key, now)) return false;
  auto const& addresses = hosts_.at(key.host).addresses;
  return std::any_of(addresses.begin(), addresses.end(), [&](auto const& one) { return !resting({key.host, one.first}, now); });
}

std::optional<double> RouteScores::usual(std::string const& host, Time now) const {
  auto const found = hosts_.find(host);
  if (found == hosts_.end()) return std::nullopt;
  std::vector<double> rates;
  for (auto const& sample : found->second.samples)
    if (now - sample.time <= sample_age_max) rates.push_back(sample.rate);
  if (rates.size() < samples_min) return std::nullopt;
  auto const middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
  std::nth_element(rates.begin(), middle, rates.end());
  return *middle;
}

bool RouteScores::slow(std::string const& host, Time now, Bytes bytes, Duration taken) const {
  auto const middle = usual(host, now);
  return middle && per_second(bytes, taken) < *middle * slow_share;
}

std::vector<RouteScores::View> RouteScores::views(Time now) const {
  std::vector<View> views;
  for (auto const& [name, host] : hosts_)
    for (auto const& [address, known] : host.addresses) {
      Key key{name, address};
      auto const left = resting(key, now) ? known.rested - now : Duration::zero();
      views.push_back({std::move(key), known.rate, known.failures, left});
    }
  return views;
}

}  // namespace hubd::sched
