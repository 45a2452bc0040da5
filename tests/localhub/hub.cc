// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/hub.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

namespace hubd::localhub {

namespace json = boost::json;

Hub::Hub(Clock const& clock, std::filesystem::path const& data, bool tls) : signer(clock), store(data), cas(data, signer, knobs), clock_(clock) {
  knobs.error_code_on_401 = !tls;
}

Answer Hub::handle(Call const& call) {
  auto const& route = call.route;
  if (route == "cdn" || route == "cdn-head") return cdn(call);
  if (call.origin == "cas" || call.origin == "xorbs") return cas.handle(call);
  if (route == "whoami") return whoami(call);
  if (route == "list") return list(call);
  if (route == "agent-harnesses") {
    return json_answer(json::object{{"standardEnvVars", json::array{}}, {"harnesses", json::object{}}});
  }
  if (route == "telemetry") return text_answer(200, "");
  if (route == "validate-yaml") return json_answer(json::object{{"errors", json::array{}}, {"warnings", json::array{}}});
  if (route == "resolve-cache" || route == "resolve-cache-head") return resolve_cache(call);
  if (route == "lfs-complete") return lfs_complete(call);
  if (call.path == "/api/repos/create") return repos_create(call);
  if (call.path == "/api/repos/delete") return repos_delete(call);
  if (call.path == "/api/repos/move") return repos_move(call);

  auto const place = place_of(call.segments);
  if (!place) return error_answer(404, "", "Sorry, we can't find the page you are looking for.");
  if (route == "info" || route == "revision") return info(call, *place);
  if (route == "tree") return tree(call, *place);
  if (route == "paths-info") return paths_info(call, *place);
  if (route == "refs") return refs(call, *place);
  if (route == "commits") return commits(call, *place);
  if (route == "auth-check") return auth_check(call, *place);
  if (route == "resolve-head" || route == "resolve-get") return resolve(call, *place);
  if (route == "raw") return raw(call, *place);
  if (route == "repos") return settings(call, *place);
  if (route == "xet-token") return xet_token(call, *place);
  if (route == "preupload") return preupload(call, *place);
  if (route == "commit") return commit(call, *place);
  if (route == "branch") return branch(call, *place);
  if (route == "tag") return tag(call, *place);
  if (route == "squash") return squash(call, *place);
  if (route == "lfs-batch") return lfs_batch(call, *place);
  if (route == "lfs-verify") return lfs_verify(call, *place);
  if (place->verb == "discussions" && call.method == "POST") return discussion(call, *place);
  if (place->verb == "lfs-files" && call.segment(place->rest) == "duplicate") return lfs_duplicate(call, *place);
  return error_answer(404, "", "Not Found");
}

namespace {

// Text is UTF-8; a sequence that the sample's end cuts counts as good.
bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto const lead = static_cast<unsigned char>(text[i]);
    std::size_t const length = lead < 0x80 ? 1 : (lead >> 5U) == 6 ? 2 : (lead >> 4U) == 14 ? 3 : (lead >> 3U) == 30 ? 4 : 0;
    if (length == 0) return false;
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0U) != 0x80U) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

bool looks_binary(std::string_view sample) {
  sample = sample.substr(0, 512);
  auto const control = [](char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t' && byte != 0x1b && byte != '\f' && byte != '\b';
  };
  return sample.find('\0') != std::string_view::npos || !valid_utf8(sample) ||
         std::count_if(sample.begin(), sample.end(), control) * 10 > static_cast<std::ptrdiff_t>(sample.size());
}

namespace {

json::value scalar(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
    return json::value(json::string(text.substr(1, text.size() - 2)));
  }
  if (text == "true") return true;
  if (text == "false") return false;
  if (text.empty() || text == "null" || text == "~") return nullptr;
  std::int64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number;
  return json::value(json::string(text));
}

json::value flow(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('[') || !text.ends_with(']')) return scalar(text);
  json::array list;
  auto const inner = trim(text.substr(1, text.size() - 2));
  if (inner.empty()) return list;
  for (auto const& item : split(inner, ',')) list.push_back(scalar(item));
  return list;
}

}  // namespace

std::optional<json::object> front_matter(std::string_view readme) {
  if (!readme.starts_with("---\n")) return std::nullopt;
  auto const end = readme.find("\n---", 3);
  if (end == std::string_view::npos) return std::nullopt;
  json::object out;
  std::string key;
  for (auto const& line : split(readme.substr(4, end - 4 + 1), '\n')) {
    std::string_view const text = line;
    if (trim(text).empty() || trim(text).starts_with('#')) continue;
    if (trim(text).starts_with("- ")) {
      if (key.empty()) continue;
      if (!out[key].is_array()) out[key] = json::array{};
      out[key].as_array().push_back(scalar(trim(text).substr(2)));
      continue;
    }
    auto const colon = text.find(':');
    if (text.starts_with(' ') || colon == std::string_view::npos) continue;  // nested maps are left out
    key = std::string(trim(text.substr(0, colon)));
    out[key] = flow(text.substr(colon + 1));
  }
  return out;
}

}  // namespace hubd::localhub
