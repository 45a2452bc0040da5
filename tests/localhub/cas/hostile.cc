// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/hostile.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "tests/localhub/cas/body.h"
#include "tests/localhub/cas/chunker.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 12> kHow{"overlap", "gap", "past_xorb", "wrong_length", "terms", "other_file", "bad_offset", "reversed",
                                                "no_fetch", "shifted_bytes", "huge_numbers", "url"};

std::string text_of(json::object const& object, std::string_view key, std::string fallback = {}) {
  auto const* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : fallback;
}
std::uint64_t number_of(json::object const& object, std::string_view key, std::uint64_t fallback) {
  auto const* value = object.if_contains(key);
  return value != nullptr && value->is_number() ? static_cast<std::uint64_t>(value->to_number<double>()) : fallback;
}

// Calls `change` with every fetch entry of either version.
template <class Change>
void each_entry(json::object& answer, Change change) {
  for (auto const* key : {"xorbs", "fetch_info"}) {
    auto* all = answer.if_contains(key);
    if (all == nullptr) continue;
    for (auto& xorb : all->as_object()) {
      for (auto& entry : xorb.value().as_array()) change(entry.as_object());
    }
  }
}

}  // namespace

bool hostile_how(std::string_view how) { return std::find(kHow.begin(), kHow.end(), how) != kHow.end(); }

void spoil_plan(json::object const& action, Reconstruction& plan) {
  auto const how = text_of(action, "how");
  if (plan.terms.empty()) return;
  auto& last = plan.terms.back();
  if (how == "overlap") {
    plan.terms.push_back(last);  // the same chunks once more
  } else if (how == "gap") {
    if (plan.terms.size() > 1) {
      plan.terms.erase(plan.terms.begin() + static_cast<std::ptrdiff_t>(plan.terms.size() / 2));
    } else if (last.end - last.first > 2) {  // one chunk in the middle is left out; the lengths stay
      auto second = last;
      auto const middle = last.first + (last.end - last.first) / 2;
      last.end = middle;
      last.length /= 2;
      second.first = middle + 1;
      second.length -= last.length;
      plan.terms.push_back(second);
    }
  } else if (how == "past_xorb") {
    last.end += 1000;
    last.length += 1000 * 65536;
    for (auto& range : plan.fetch[last.xorb]) {
      if (range.end + 1000 != last.end) continue;
      range.end = last.end;
      range.to += 1000 * 65536;
    }
  } else if (how == "wrong_length") {
    plan.terms.front().length += static_cast<std::uint32_t>(number_of(action, "delta", 1));
  } else if (how == "bad_offset") {
    plan.offset = Bytes{1} << 40U;
  } else if (how == "reversed") {
    std::swap(last.first, last.end);
  } else if (how == "no_fetch") {
    plan.fetch.erase(plan.terms.front().xorb);
  } else if (how == "shifted_bytes") {
    for (auto& [hash, ranges] : plan.fetch) {
      for (auto& range : ranges) ++range.from;
    }
  }
}

void spoil_json(json::object const& action, json::object& answer) {
  auto const how = text_of(action, "how");
  constexpr std::uint64_t kHuge = 18446744073709551615ULL;
  if (how == "huge_numbers") {
    answer["offset_into_first_range"] = kHuge;
    for (auto& term : answer["terms"].as_array()) {
      term.as_object()["unpacked_length"] = kHuge;
      term.as_object()["range"] = json::object{{"start", kHuge - 1}, {"end", kHuge}};
    }
  } else if (how == "url") {
    auto const location = text_of(action, "location", "http://127.0.0.1:1/");
    each_entry(answer, [&](json::object& entry) { entry["url"] = location; });
  }
}

Answer endless_terms(json::object const& action, json::object answer) {
  auto const count = std::max<std::uint64_t>(1, number_of(action, "count", 1'000'000'000));
  auto const& terms = answer["terms"].as_array();
  auto const unit = (terms.empty() ? std::string("null") : json::serialize(terms.front())) + ",";
  answer.erase("terms");
  auto head = json::serialize(answer);
  head.pop_back();
  head += ",\"terms\":[";
  auto const stretch = unit.size() * count - 1;  // without the last comma
  std::vector<Part> parts{head, Stretch{repeated(unit), 0, stretch}, std::string("]}")};
  Answer out;
  out.length = head.size() + stretch + 2;
  out.content = made_content(joined(std::move(parts)), out.length);
  out.set("Content-Type", "application/json");
  return out;
}

std::map<Bytes, std::string> spoil_chunk(json::object const& action, Xorb const& xorb) {
  auto const n = static_cast<std::size_t>(number_of(action, "chunk", 0));
  if (n >= xorb.chunks().size()) return {};
  auto const& chunk = xorb.chunks()[n];
  auto const begin = xorb.chunk_begin(n);
  auto const record = read_exactly(xorb, begin, static_cast<std::size_t>(chunk.end - begin));
  if (!record) return {};
  auto const payload = std::string_view(*record).substr(kRecordHead);

  if (text_of(action, "type") == "bomb") {
    auto const length = number_of(action, "length", chunk.length);  // what the head says; up to 16777215
    return {{begin, record_head(kSchemeLz4, payload.size(), static_cast<std::size_t>(length)) + lz4_bomb(payload.size())}};
  }
  auto const flip = static_cast<char>(number_of(action, "xor", 1));
  auto const flipped = [flip](char byte) { return std::string(1, static_cast<char>(byte ^ flip)); };
  auto const part = text_of(action, "part", "payload");
  if (part == "version") return {{begin, std::string(1, '\x09')}};
  if (part == "scheme") return {{begin + 4, std::string(1, '\x4d')}};
  if (part == "packed_length") return {{begin + 1, flipped((*record)[1])}};
  if (part == "length") return {{begin + 5, flipped((*record)[5])}};
  if (part == "frame") return {{begin + kRecordHead, std::string(4, '\xee')}};  // an LZ4 frame's magic, or just other bytes
  if (part == "tail") return {{begin + kRecordHead + payload.size() / 2, std::string(payload.size() - payload.size() / 2, '\0')}};
  // A byte of the payload from `at` on whose change still unpacks to the chunk's length: only a hash can tell.
  auto const at = static_cast<std::size_t>(number_of(action, "at", 0));
  for (auto i = at; i < payload.size() && i < at + 512; ++i) {
    std::string changed(payload);
    changed[i] = flipped(payload[i])[0];
    auto const plain = unpack_chunk(chunk.scheme, changed, chunk.length);
    if (plain && chunk_hash(as_bytes(*plain)) != chunk.hash) return {{begin + kRecordHead + i, flipped(payload[i])}};
  }
  return {};
}

}  // namespace hubd::localhub
