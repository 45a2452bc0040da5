// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/knobs.h"

#include <algorithm>
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
  if (name == "url_lifetime_s") return set_number(value, knobs.url_lifetime_s);
  if (name == "tree_page") return set_number(value, knobs.tree_page) && knobs.tree_page > 0;
  if (name == "tree_page_expand") return set_number(value, knobs.tree_page_expand) && knobs.tree_page_expand > 0;
  if (name == "list_page") return set_number(value, knobs.list_page) && knobs.list_page > 0;
  if (name == "lfs_multipart_min") return set_number(value, knobs.lfs_multipart_min);
  if (name == "lfs_chunk") return set_number(value, knobs.lfs_chunk) && knobs.lfs_chunk > 0;
  if (name == "rate_limits") return set_limits(value, knobs.rate_limits);
  if (name == "error_code_on_401" && value.is_bool()) {
    knobs.error_code_on_401 = value.get_bool();
    return true;
  }
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
  return json::object{{"delay_ms", delay_ms}, {"throttle", throttle}, {"url_lifetime_s", url_lifetime_s},
                      {"tree_page", tree_page}, {"tree_page_expand", tree_page_expand}, {"list_page", list_page},
                      {"error_code_on_401", error_code_on_401}, {"lfs_multipart_min", lfs_multipart_min},
                      {"lfs_chunk", lfs_chunk}, {"rate_limits", limits}};
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
