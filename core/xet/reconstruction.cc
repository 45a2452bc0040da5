// SPDX-License-Identifier: Apache-2.0
#include "core/xet/reconstruction.h"

#include "core/xet/json_fields.h"

namespace hubd::xet {
namespace json = boost::json;

namespace {

constexpr std::size_t kTextMax = 64U << 20U;  // some 400,000 terms
constexpr Bytes kU32Max = 0xffffffff;
constexpr std::size_t kUrlBytesMax = 256U << 20U;  // of all ranges: one URL of the text may stand in many of them

class Reader : private JsonFields {
 public:
  explicit Reader(bool v1) : v1_(v1) {}

  Result<Reconstruction> read(std::string_view text) {
    auto const document = parse(text, kTextMax);
    if (!problem().empty()) return unusable();
    Reconstruction answer;
    answer.offset_into_first_range = number(document, "offset_into_first_range");
    for (auto const& term : list(document, "terms")) {
      answer.terms.push_back(read_term(term));
      if (!problem().empty()) return unusable();
    }
    for (auto const& [key, fetches] : member(document, v1_ ? "fetch_info" : "xorbs")) {
      auto const xorb = hash(std::string_view(key.data(), key.size()), "a xorb's hash");
      if (!fetches.is_array()) blame("the URLs of a xorb are not a list");
      if (!problem().empty()) break;
      for (auto const& fetch : fetches.get_array()) {
        read_fetch(fetch, answer.ranges[xorb]);
        if (!problem().empty()) return unusable();
      }
    }
    if (!problem().empty()) return unusable();
    return answer;
  }

 private:
  Error unusable() const { return fail(ErrorKind::bad_upstream, problem()); }

  Term read_term(json::value const& value) {
    Term term;
    auto const& object = as_object(value, "a term");
    term.xorb = hash(text(object, "hash"), "a xorb's hash");
    term.length = number(object, "unpacked_length", kU32Max);
    chunks(object, "range", term.first, term.end);
    return term;
  }

  void read_fetch(json::value const& value, std::vector<FetchRange>& ranges) {
    auto const& object = as_object(value, "a URL of a xorb");
    auto const url = text(object, "url");
    if (url.empty()) blame("a xorb has no URL");
    if (v1_) {
      FetchRange range;
      chunks(object, "range", range.first, range.end);
      range.bytes = bytes(object, "url_range");
      keep(std::move(range), url, ranges);
      return;
    }
    for (auto const& one : list(object, "ranges")) {
      FetchRange range;
      auto const& inner = as_object(one, "a range of a xorb");
      chunks(inner, "chunks", range.first, range.end);
      range.bytes = bytes(inner, "bytes");
      keep(std::move(range), url, ranges);
      if (!problem().empty()) return;
    }
  }

  void keep(FetchRange range, std::string const& url, std::vector<FetchRange>& ranges) {
    if (url.size() > kUrlBytesMax - url_bytes_) return blame("its ranges name too many bytes of URLs");
    url_bytes_ += url.size();
    range.url = url;
    ranges.push_back(std::move(range));
  }

  void chunks(json::object const& object, char const* key, std::uint32_t& first, std::uint32_t& end) {
    auto const& range = member(object, key);
    auto const from = number(range, "start");
    auto const to = number(range, "end");
    if (from >= to || to > kU32Max) return blame(std::string(key) + " names no chunks");
    first = static_cast<std::uint32_t>(from);
    end = static_cast<std::uint32_t>(to);
  }

  /// Ends are inclusive there.
  Extent bytes(json::object const& object, char const* key) {
    auto const& range = member(object, key);
    auto const from = number(range, "start");
    auto const to = number(range, "end");
    if (from > to || to >= kU32Max) {
      blame(std::string(key) + " names no bytes of a xorb");
      return {};
    }
    return {from, to - from + 1};
  }

  bool v1_;
  std::size_t url_bytes_ = 0;
};

json::object range_json(Bytes start, Bytes end) { return {{"start", start}, {"end", end}}; }

json::array terms_json(Reconstruction const& answer) {
  json::array terms;
  for (auto const& term : answer.terms)
    terms.push_back(json::object{
        {"hash", term.xorb.text()}, {"unpacked_length", term.length}, {"range", range_json(term.first, term.end)}});
  return terms;
}

}  // namespace

Result<Reconstruction> parse_reconstruction_v2(std::string_view json) { return Reader(false).read(json); }
Result<Reconstruction> parse_reconstruction_v1(std::string_view json) { return Reader(true).read(json); }

std::string reconstruction_v2_json(Reconstruction const& answer) {
  json::object xorbs;
  for (auto const& [xorb, ranges] : answer.ranges) {
    json::array entries;
    for (std::size_t i = 0; i < ranges.size();) {
      json::array inner;
      auto const& url = ranges[i].url;
      for (; i < ranges.size() && ranges[i].url == url; ++i)
        inner.push_back(json::object{{"chunks", range_json(ranges[i].first, ranges[i].end)},
                                     {"bytes", range_json(ranges[i].bytes.offset, ranges[i].bytes.end() - 1)}});
      entries.push_back(json::object{{"url", url}, {"ranges", std::move(inner)}});
    }
    xorbs[xorb.text()] = std::move(entries);
  }
  return json::serialize(json::object{{"offset_into_first_range", answer.offset_into_first_range},
                                      {"terms", terms_json(answer)},
                                      {"xorbs", std::move(xorbs)}});
}

std::string reconstruction_v1_json(Reconstruction const& answer) {
  json::object info;
  for (auto const& [xorb, ranges] : answer.ranges) {
    json::array entries;
    for (auto const& range : ranges)
      entries.push_back(json::object{{"range", range_json(range.first, range.end)},
                                     {"url", range.url},
                                     {"url_range", range_json(range.bytes.offset, range.bytes.end() - 1)}});
    info[xorb.text()] = std::move(entries);
  }
  return json::serialize(json::object{{"offset_into_first_range", answer.offset_into_first_range},
                                      {"terms", terms_json(answer)},
                                      {"fetch_info", std::move(info)}});
}

}  // namespace hubd::xet
