// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/knobs.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace hubd::localhub {
namespace {

namespace json = boost::json;

template <class T>
bool set_number(json::value const& value, T& place) {
  if (!value.is_number() || value.to_number<double>() < 0) return false;
  place = static_cast<T>(value.to_number<double>());
  return true;
}

bool set_flag(json::value const& value, bool& place) {
  if (value.is_bool()) place = value.get_bool();
  return value.is_bool();
}

bool set_choice(json::value const& value, std::initializer_list<std::string_view> choices, std::string& place) {
  if (!value.is_string()) return false;
  place = std::string(value.get_string());
  return std::find(choices.begin(), choices.end(), place) != choices.end();
}

// Everything (true), nothing (false), or the named origins.
bool set_origins(json::value const& value, std::vector<std::string>& place) {
  constexpr std::array<std::string_view, 4> all{"hub", "cdn", "cas", "xorbs"};
  std::vector<std::string> origins;
  if (value.is_bool()) {
    if (value.get_bool()) origins.assign(all.begin(), all.end());
  } else if (value.is_array()) {
    for (auto const& name : value.get_array()) {
      if (!name.is_string() || std::find(all.begin(), all.end(), std::string_view(name.get_string())) == all.end()) return false;
      origins.emplace_back(name.get_string());
    }
  } else {
    return false;
  }
  place = std::move(origins);
  return true;
}

bool set_limits(json::value const& value, std::map<std::string, RateLimit>& place) {
  if (!value.is_object()) return false;
  std::map<std::string, RateLimit> limits;
  for (auto const& [name, item] : value.get_object()) {
    if (name != "api" && name != "resolvers") return false;
    if (!item.is_object() || !item.get_object().contains("q")) return false;
    RateLimit limit;
    if (!set_number(item.at("q"), limit.quota)) return false;
    if (item.get_object().contains("w") && !set_number(item.at("w"), limit.window_s)) return false;
    limits[std::string(name)] = limit;
  }
  place = std::move(limits);
  return true;
}

bool set_one(Knobs& knobs, std::string_view name, json::value const& value) {
  if (name == "delay_ms") return set_number(value, knobs.delay_ms);
  if (name == "throttle") return set_number(value, knobs.throttle);
  if (name == "black_hole") return set_origins(value, knobs.black_hole);
  if (name == "url_lifetime_s") return set_number(value, knobs.url_lifetime_s);
  if (name == "tree_page") return set_number(value, knobs.tree_page) && knobs.tree_page > 0;
  if (name == "tree_page_expand") return set_number(value, knobs.tree_page_expand) && knobs.tree_page_expand > 0;
  if (name == "list_page") return set_number(value, knobs.list_page) && knobs.list_page > 0;
  if (name == "lfs_multipart_min") return set_number(value, knobs.lfs_multipart_min);
  if (name == "lfs_chunk") return set_number(value, knobs.lfs_chunk) && knobs.lfs_chunk > 0;
  if (name == "rate_limits") return set_limits(value, knobs.rate_limits);
  if (name == "error_code_on_401") return set_flag(value, knobs.error_code_on_401);
  if (name == "xet_token_lifetime_s") return set_number(value, knobs.xet_token_lifetime_s);
  if (name == "xet_token_length") return set_number(value, knobs.xet_token_length);
  if (name == "xet_token_headers") return set_flag(value, knobs.xet_token_headers);
  if (name == "lfs_batch_xet") return set_flag(value, knobs.lfs_batch_xet);
  if (name == "xorb_grants") return set_flag(value, knobs.xorb_grants);
  if (name == "xorb_ranges") return set_choice(value, {"within", "exact"}, knobs.xorb_ranges);
  if (name == "xorb_ranges_per_url") return set_number(value, knobs.xorb_ranges_per_url) && knobs.xorb_ranges_per_url > 0;
  if (name == "dedup_form") return set_choice(value, {"mixed", "keyed", "keyed_lookups", "plain", "plain_lookups"}, knobs.dedup_form);
  if (name == "dedup_lifetime_s") return set_number(value, knobs.dedup_lifetime_s);
  if (name == "cas_compression") return set_flag(value, knobs.cas_compression);
  if (name == "cas_repo_check") return set_flag(value, knobs.cas_repo_check);
  return false;
}

}  // namespace

Result<void> Knobs::set(json::value const& object) {
  if (!object.is_object()) return fail(ErrorKind::bad_request, "localhub: knobs are a JSON object");
  auto changed = *this;
  for (auto const& [name, value] : object.get_object()) {
    if (!set_one(changed, name, value)) {
      return fail(ErrorKind::bad_request, "localhub: no knob \"" + std::string(name) + "\" takes this value; see README.md");
    }
  }
  *this = changed;
  return {};
}

json::value Knobs::to_json() const {
  json::object limits;
  for (auto const& [name, limit] : rate_limits) limits[name] = json::object{{"q", limit.quota}, {"w", limit.window_s}};
  return json::object{{"delay_ms", delay_ms}, {"throttle", throttle}, {"black_hole", json::value_from(black_hole)}, {"url_lifetime_s", url_lifetime_s},
                      {"tree_page", tree_page}, {"tree_page_expand", tree_page_expand}, {"list_page", list_page},
                      {"error_code_on_401", error_code_on_401}, {"lfs_multipart_min", lfs_multipart_min},
                      {"lfs_chunk", lfs_chunk}, {"rate_limits", limits}, {"xet_token_lifetime_s", xet_token_lifetime_s},
                      {"xet_token_length", xet_token_length}, {"xet_token_headers", xet_token_headers}, {"lfs_batch_xet", lfs_batch_xet},
                      {"xorb_grants", xorb_grants}, {"xorb_ranges", xorb_ranges}, {"xorb_ranges_per_url", xorb_ranges_per_url},
                      {"dedup_form", dedup_form}, {"dedup_lifetime_s", dedup_lifetime_s}, {"cas_repo_check", cas_repo_check},
                      {"cas_compression", cas_compression}};
}

RateWindows::State RateWindows::take(std::string const& limit_class, RateLimit const& limit, std::string const& caller,
                                     std::int64_t now_s) {
  auto& [start, used] = windows_[{limit_class, caller}];
  if (now_s >= start + limit.window_s) {
    start = now_s;
    used = 0;
  }
  State state;
  state.allowed = used < limit.quota;
  if (state.allowed) ++used;
  state.remaining = limit.quota - used;
  state.reset_s = std::max<std::int64_t>(1, start + limit.window_s - now_s);
  return state;
}

}  // namespace hubd::localhub
