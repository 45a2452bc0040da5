// SPDX-License-Identifier: Apache-2.0
#include "core/xet/reconstruction.h"

#include <boost/json.hpp>
#include <limits>
#include <optional>

namespace hubd::xet {
namespace json = boost::json;

namespace {

constexpr std::size_t kDepthMax = 16;

/// Thrown by no one: the first thing that is wrong is kept, and what follows is skipped.
class Reader {
 public:
  explicit Reader(bool v1) : v1_(v1) {}

  Result<Reconstruction> read(std::string_view text) {
    json::error_code error;
    json::parse_options options;
    options.max_depth = kDepthMax;
    auto const value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
    if (error) return fail(ErrorKind::bad_upstream, "it is not JSON (" + error.message() + ")");
    auto const* object = value.if_object();
    if (object == nullptr) return fail(ErrorKind::bad_upstream, "it is not a JSON object");
    Reconstruction answer;
    answer.offset_into_first_range = number(*object, "offset_into_first_range");
    for (auto const& term : list(*object, "terms")) answer.terms.push_back(read_term(term));
    for (auto const& [key, fetches] : map(*object, v1_ ? "fetch_info" : "xorbs")) {
      auto const xorb = hash(std::string_view(key.data(), key.size()));
      if (!fetches.is_array()) return fail(ErrorKind::bad_upstream, "the URLs of a xorb are not a list");
      for (auto const& fetch : fetches.get_array()) read_fetch(fetch, answer.ranges[xorb]);
      if (!problem_.empty()) break;
    }
    if (!problem_.empty()) return fail(ErrorKind::bad_upstream, problem_);
    return answer;
  }

 private:
  Term read_term(json::value const& value) {
    Term term;
    auto const& object = as_object(value, "a term");
    term.xorb = hash(text(object, "hash"));
    term.length = number(object, "unpacked_length");
    chunks(object, "range", term.first, term.end);
    return term;
  }

  void read_fetch(json::value const& value, std::vector<FetchRange>& ranges) {
    auto const& object = as_object(value, "a URL of a xorb");
    auto const url = text(object, "url");
    if (url.empty()) problem("a xorb has no URL");
    if (v1_) {
      FetchRange range;
      chunks(object, "range", range.first, range.end);
      range.bytes = bytes(object, "url_range");
      range.url = url;
      ranges.push_back(std::move(range));
      return;
    }
    for (auto const& one : list(object, "ranges")) {
      FetchRange range;
      auto const& inner = as_object(one, "a range of a xorb");
      chunks(inner, "chunks", range.first, range.end);
      range.bytes = bytes(inner, "bytes");
      range.url = url;
      ranges.push_back(std::move(range));
      if (!problem_.empty()) return;
    }
  }

  void chunks(json::object const& object, char const* key, std::uint32_t& first, std::uint32_t& end) {
    auto const& range = member(object, key);
    auto const from = number(range, "start");
    auto const to = number(range, "end");
    if (from >= to || to > std::numeric_limits<std::uint32_t>::max()) return problem(std::string(key) + " names no chunks");
    first = static_cast<std::uint32_t>(from);
    end = static_cast<std::uint32_t>(to);
  }

  /// Ends are inclusive there.
  Extent bytes(json::object const& object, char const* key) {
    auto const& range = member(object, key);
    auto const from = number(range, "start");
    auto const to = number(range, "end");
    if (from > to || to >= std::numeric_limits<std::uint32_t>::max()) {
      problem(std::string(key) + " names no bytes of a xorb");
      return {};
    }
    return {from, to - from + 1};
  }

  MerkleHash hash(std::string_view text) {
    auto const parsed = MerkleHash::parse(text);
    if (!parsed) problem("a xorb's hash is not 64 hex digits");
    return parsed.value_or(MerkleHash{});
  }

  Bytes number(json::object const& object, char const* key) {
    auto const* value = object.if_contains(key);
    if (value != nullptr && value->is_int64() && value->get_int64() >= 0) return static_cast<Bytes>(value->get_int64());
    problem(std::string(key) + " is not a number");
    return 0;
  }

  std::string text(json::object const& object, char const* key) {
    auto const* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) {
      problem(std::string(key) + " is not a text");
      return {};
    }
    auto const& string = value->get_string();
    return std::string(string.data(), string.size());
  }

  json::array const& list(json::object const& object, char const* key) {
    static json::array const none;
    auto const* value = object.if_contains(key);
    if (value != nullptr && value->is_array()) return value->get_array();
    problem(std::string(key) + " is not a list");
    return none;
  }

  json::object const& map(json::object const& object, char const* key) { return member(object, key); }
  json::object const& member(json::object const& object, char const* key) {
    static json::value const none;
    auto const* value = object.if_contains(key);
    return as_object(value == nullptr ? none : *value, key);
  }

  json::object const& as_object(json::value const& value, char const* name) {
    static json::object const none;
    if (auto const* object = value.if_object()) return *object;
    problem(std::string(name) + " is not an object");
    return none;
  }

  void problem(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }

  bool v1_;
  std::string problem_;
};

}  // namespace

Result<Reconstruction> parse_reconstruction_v2(std::string_view json) { return Reader(false).read(json); }
Result<Reconstruction> parse_reconstruction_v1(std::string_view json) { return Reader(true).read(json); }

}  // namespace hubd::xet
