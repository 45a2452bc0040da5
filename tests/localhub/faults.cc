// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/faults.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "core/base/pattern.h"
#include "tests/localhub/cas/hostile.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 11> kMatchKeys{"route", "origin", "path", "method", "client", "range_from",
                                                      "nth", "skip", "times", "probability", "seed"};
constexpr std::array<std::string_view, 18> kActions{"stall", "throttle", "cut", "corrupt", "length", "status", "expire", "delay",
                                                    "silent", "redirect", "redirect_loop", "html", "ignore_range",
                                                    "set_header", "drop_header", "reconstruction", "corrupt_chunk", "bomb"};

std::string text_of(json::object const& object, std::string_view key, std::string fallback = {}) {
  auto const* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : fallback;
}

double real_of(json::object const& object, std::string_view key, double fallback) {
  auto const* value = object.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : fallback;
}

std::int64_t int_of(json::object const& object, std::string_view key, std::int64_t fallback) {
  return static_cast<std::int64_t>(real_of(object, key, static_cast<double>(fallback)));
}

Answer status_answer(json::object const& action) {
  auto const status = static_cast<int>(int_of(action, "status", 500));
  auto answer = error_answer(status, text_of(action, "code"), text_of(action, "message", "Fault on command"));
  if (auto const body = text_of(action, "body"); !body.empty()) answer.body = body;
  if (status == 429) answer.set("RateLimit", "\"api\";r=0;t=" + std::to_string(int_of(action, "t", 1)));
  if (auto const* headers = action.if_contains("headers"); headers != nullptr && headers->is_object()) {
    for (auto const& [name, value] : headers->get_object()) {
      if (value.is_string()) answer.set(name, std::string(value.get_string()));
    }
  }
  return answer;
}

Answer redirect_answer(int status, std::string location) {
  auto answer = text_answer(status, "Found. Redirecting to " + location);
  answer.set("Location", std::move(location));
  return answer;
}

void apply(json::object const& action, Call const& call, Effects& effects) {
  auto const type = text_of(action, "type");
  auto const instead = [&effects](Answer answer) {
    if (!effects.instead) effects.instead = std::move(answer);
  };
  if (type == "stall") {
    effects.stall_after = static_cast<Bytes>(int_of(action, "after", 0));
    if (action.contains("seconds") && action.at("seconds").is_number()) effects.stall_seconds = real_of(action, "seconds", 0);
  } else if (type == "throttle") {
    effects.bytes_per_second = static_cast<Bytes>(std::max<std::int64_t>(1, int_of(action, "bytes_per_second", 1)));
    effects.throttle_after = static_cast<Bytes>(int_of(action, "after", 0));
  } else if (type == "cut") {
    auto const after = int_of(action, "after", 0);
    if (after < 0) {
      effects.cut_before_head = true;
    } else {
      effects.cut_after = static_cast<Bytes>(after);
    }
  } else if (type == "corrupt") {
    effects.corrupt.emplace_back(static_cast<Bytes>(int_of(action, "offset", 0)),
                                 static_cast<std::uint8_t>(int_of(action, "xor", 1)));
  } else if (type == "length") {
    effects.length_delta = int_of(action, "delta", 1);
  } else if (type == "status") {
    instead(status_answer(action));
  } else if (type == "expire") {
    effects.expired = true;
  } else if (type == "delay") {
    effects.delay_ms += static_cast<std::uint64_t>(int_of(action, "ms", 0));
  } else if (type == "silent") {
    effects.silent = true;
  } else if (type == "redirect") {
    instead(redirect_answer(static_cast<int>(int_of(action, "status", 302)), text_of(action, "location")));
  } else if (type == "redirect_loop") {
    auto const* absolute = action.if_contains("absolute");
    bool const whole = absolute != nullptr && absolute->is_bool() && absolute->get_bool();
    instead(redirect_answer(whole ? 302 : 307, (whole ? call.base : std::string()) + call.target));
  } else if (type == "html") {
    instead(text_answer(static_cast<int>(int_of(action, "status", 200)),
                        "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head><body><h1>Welcome to the "
                        "guest network</h1><p>Please sign in.</p></body></html>\n",
                        "text/html; charset=utf-8"));
  } else if (type == "ignore_range") {
    effects.ignore_range = true;
  } else if (type == "set_header") {
    effects.set.emplace_back(text_of(action, "name"), text_of(action, "value"));
  } else if (type == "drop_header") {
    effects.drop.push_back(text_of(action, "name"));
  } else if (type == "inject_path") {
    effects.inject_path = text_of(action, "path", "../evil");
  } else if (type == "reconstruction") {
    effects.hostile_plans.push_back(action);
  } else if (type == "corrupt_chunk" || type == "bomb") {
    effects.hostile_chunks.push_back(action);
  }
}

}  // namespace

Result<std::vector<std::uint64_t>> Faults::add(json::value const& list) {
  auto const items = list.is_array() ? list.get_array() : json::array{list};
  std::vector<Fault> parsed;
  for (auto const& item : items) {
    Fault fault;
    auto const* object = item.if_object();
    auto const* action = object == nullptr ? nullptr : object->if_contains("action");
    if (action == nullptr || !action->is_object()) {
      return fail(ErrorKind::bad_request, "localhub: a fault needs an object \"action\"");
    }
    fault.action = action->get_object();
    auto const type = text_of(fault.action, "type");
    if (type != "inject_path" && std::find(kActions.begin(), kActions.end(), type) == kActions.end()) {
      return fail(ErrorKind::bad_request, "localhub: no fault action is called \"" + type + "\"; see README.md");
    }
    if (type == "reconstruction" && !hostile_how(text_of(fault.action, "how"))) {
      return fail(ErrorKind::bad_request, "localhub: no reconstruction fault is called \"" + text_of(fault.action, "how") + "\"; see README.md");
    }
    if (auto const* match = object->if_contains("match")) {
      if (!match->is_object()) return fail(ErrorKind::bad_request, "localhub: a fault's \"match\" is an object");
      fault.match = match->get_object();
    }
    for (auto const& entry : fault.match) {
      if (std::find(kMatchKeys.begin(), kMatchKeys.end(), std::string_view(entry.key())) == kMatchKeys.end()) {
        return fail(ErrorKind::bad_request, "localhub: faults do not match by \"" + std::string(entry.key()) + "\"; see README.md");
      }
    }
    fault.random = seeded_random(static_cast<std::uint64_t>(int_of(fault.match, "seed", 1)));
    parsed.push_back(std::move(fault));
  }
  std::scoped_lock const lock(mutex_);
  std::vector<std::uint64_t> ids;
  for (auto& fault : parsed) {
    fault.id = ++serial_;
    ids.push_back(fault.id);
    faults_.push_back(std::move(fault));
  }
  return ids;
}

void Faults::clear() {
  std::scoped_lock const lock(mutex_);
  faults_.clear();
  ++epoch_;
}

std::uint64_t Faults::epoch() const {
  std::scoped_lock const lock(mutex_);
  return epoch_;
}

json::value Faults::list() const {
  std::scoped_lock const lock(mutex_);
  json::array out;
  for (auto const& fault : faults_) {
    out.push_back(json::object{{"id", fault.id}, {"match", fault.match}, {"action", fault.action}, {"seen", fault.seen},
                               {"fired", fault.fired}});
  }
  return out;
}

bool Faults::matches(Fault const& fault, Call const& call, std::string_view path, std::string_view client) {
  auto const& match = fault.match;
  if (auto const* route = match.if_contains("route")) {
    auto const names = route->is_array() ? route->get_array() : json::array{*route};
    bool const any = std::any_of(names.begin(), names.end(), [&](json::value const& name) {
      return name.is_string() && fnmatch(std::string_view(name.get_string()), call.route);
    });
    if (!any) return false;
  }
  if (match.contains("origin") && text_of(match, "origin") != call.origin) return false;
  if (match.contains("method") && text_of(match, "method") != call.method) return false;
  if (match.contains("path") && !fnmatch(text_of(match, "path"), path)) return false;
  if (match.contains("client") && !fnmatch(text_of(match, "client"), client)) return false;
  if (match.contains("range_from")) {
    auto const from = range_from(call.header("range"));
    if (!from || *from != static_cast<Bytes>(int_of(match, "range_from", 0))) return false;
  }
  return true;
}

Effects Faults::fire(Call const& call, std::string_view client) {
  auto const path = percent_decode(call.path);
  std::scoped_lock const lock(mutex_);
  Effects effects;
  effects.epoch = epoch_;
  for (auto& fault : faults_) {
    if (!matches(fault, call, path, client)) continue;
    ++fault.seen;
    auto const& match = fault.match;
    if (match.contains("nth") && fault.seen != static_cast<std::uint64_t>(int_of(match, "nth", 1))) continue;
    if (fault.seen <= static_cast<std::uint64_t>(int_of(match, "skip", 0))) continue;
    if (match.contains("times") && fault.fired >= static_cast<std::uint64_t>(int_of(match, "times", 1))) continue;
    if (match.contains("probability")) {
      auto const draw = static_cast<double>(fault.random->next() >> 11U) / 9007199254740992.0;
      if (draw >= real_of(match, "probability", 1)) continue;
    }
    ++fault.fired;
    apply(fault.action, call, effects);
  }
  return effects;
}

}  // namespace hubd::localhub
