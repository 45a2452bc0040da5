// SPDX-License-Identifier: Apache-2.0
// The CAS, read side: reconstructions, dedup queries, HEAD, chunk hashes, xorb bytes.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <limits>

#include "tests/localhub/cas/body.h"
#include "tests/localhub/cas/cas.h"
#include "tests/localhub/cas/hostile.h"
#include "tests/localhub/cas/subtree.h"
#include "tests/localhub/crypto.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;
using ByteRange = std::pair<Bytes, Bytes>;  // [from, to)

std::optional<Bytes> number(std::string_view text) {
  Bytes value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}
Bytes after(Bytes last) { return last == std::numeric_limits<Bytes>::max() ? last : last + 1; }

// "bytes=a-b,c-d", each with both ends; nothing for anything else.
std::optional<std::vector<ByteRange>> parse_ranges(std::string_view header) {
  if (!header.starts_with("bytes=")) return std::nullopt;
  std::vector<ByteRange> ranges;
  for (auto const& part : split(header.substr(6), ',')) {
    auto const spec = trim(part);
    auto const dash = spec.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    auto const first = number(spec.substr(0, dash));
    auto const last = number(spec.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    ranges.emplace_back(*first, after(*last));
  }
  return ranges;
}

// The Range of a reconstruction: also "a-" and "-n".
std::optional<ByteRange> parse_file_range(std::string_view header, Bytes size) {
  if (!header.starts_with("bytes=")) return std::nullopt;
  auto const spec = trim(header.substr(6));
  auto const dash = spec.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto const first = number(spec.substr(0, dash));
  auto const last = number(spec.substr(dash + 1));
  if (!first && last && dash == 0) return ByteRange{size - std::min(size, *last), size};
  if (!first || (!last && dash + 1 != spec.size()) || (last && *last < *first)) return std::nullopt;
  return ByteRange{*first, last ? after(*last) : std::numeric_limits<Bytes>::max()};
}

std::string range_text(FetchRange const& range) { return std::to_string(range.from) + "-" + std::to_string(range.to - 1); }
json::object chunk_range(std::size_t first, std::size_t end) { return {{"start", first}, {"end", end}}; }

json::array terms_json(std::vector<Segment> const& terms) {
  json::array out;
  for (auto const& term : terms) {
    out.push_back(json::object{{"hash", term.xorb.text()}, {"unpacked_length", term.length}, {"range", chunk_range(term.first, term.end)}});
  }
  return out;
}

}  // namespace

std::string Cas::signed_url(XetHash const& xorb, std::string const& ranges) const {
  return xorb_url + signer_.sign("/xorbs/default/" + xorb.text(), "X-Xet-Signed-Range=" + percent_encode("bytes=" + ranges), knobs_.url_lifetime_s);
}

json::object Cas::plan_json(Reconstruction const& plan, bool v2) const {
  json::object fetch;
  for (auto const& [hash, ranges] : plan.fetch) {
    json::array entries;
    for (std::size_t i = 0; i < ranges.size(); i += v2 ? knobs_.xorb_ranges_per_url : 1) {
      if (!v2) {
        entries.push_back(json::object{{"range", chunk_range(ranges[i].first, ranges[i].end)},
                                       {"url", signed_url(hash, range_text(ranges[i]))},
                                       {"url_range", json::object{{"start", ranges[i].from}, {"end", ranges[i].to - 1}}}});
        continue;
      }
      std::string names;
      json::array inside;
      for (auto n = i; n < ranges.size() && n < i + knobs_.xorb_ranges_per_url; ++n) {
        names += (names.empty() ? "" : ",") + range_text(ranges[n]);
        inside.push_back(json::object{{"chunks", chunk_range(ranges[n].first, ranges[n].end)},
                                      {"bytes", json::object{{"start", ranges[n].from}, {"end", ranges[n].to - 1}}}});
      }
      entries.push_back(json::object{{"url", signed_url(hash, names)}, {"ranges", inside}});
    }
    fetch[hash.text()] = entries;
  }
  return {{"offset_into_first_range", plan.offset}, {"terms", terms_json(plan.terms)}, {v2 ? "xorbs" : "fetch_info", fetch}};
}

Answer Cas::reconstruction(Call const& call, bool v2) const {
  auto const found = file_at(call, 2);
  if (found.refusal) return *found.refusal;
  std::optional<ByteRange> range;
  if (auto const header = call.header("range"); !header.empty()) {
    range = parse_file_range(header, found.file->size);
    if (!range) return text_answer(416, "The range is malformed");
  }
  auto const* file = found.file;
  for (auto const& action : call.hostile_plans) {
    if (action.at("how") != json::value("other_file")) continue;
    auto const* name = action.if_contains("file");
    auto const wanted = name != nullptr && name->is_string() ? XetHash::parse(std::string_view(name->get_string())) : std::nullopt;
    for (auto const& [hash, other] : store.files()) {
      if (hash != found.file->hash && (!wanted || hash == *wanted)) file = &other;
    }
  }
  auto plan = reconstruct(file->segments, store.lookup(), range);
  if (!plan) return text_answer(416, "The range starts past the end of the file");
  for (auto const& action : call.hostile_plans) spoil_plan(action, *plan);
  auto out = plan_json(*plan, v2);
  for (auto const& action : call.hostile_plans) {
    spoil_json(action, out);
    if (action.at("how") == json::value("terms")) return endless_terms(action, out);
  }
  return json_answer(out);
}

Answer Cas::batch(Call const& call) const {
  auto const refusal = refused(call, Scope::read);
  if (refusal) return *refusal;
  std::vector<std::string> names = call.query.all("file_id");
  if (call.method == "POST") {
    boost::system::error_code error;
    auto const body = json::parse(call.body, error);
    if (error || !body.is_array()) return text_answer(400, "The body is not a list");
    for (auto const& item : body.get_array()) {
      auto const* hash = item.is_object() ? item.get_object().if_contains("hash") : nullptr;
      if (hash == nullptr || !hash->is_string()) return text_answer(400, "An entry has no \"hash\"");
      names.emplace_back(hash->get_string());
    }
  }
  json::object files;
  json::object fetch;
  for (auto const& name : names) {
    auto const hash = XetHash::parse(name);
    if (!hash) return text_answer(400, "The file id is not 64 hex digits");
    auto const* file = store.file(*hash);
    if (file == nullptr || (knobs_.cas_repo_check && !file->allows(token_of(call).repo))) {
      return text_answer(404, "There is no file " + name);
    }
    auto const plan = reconstruct(file->segments, store.lookup(), std::nullopt);
    auto one = plan_json(*plan, false);
    files[hash->text()] = one["terms"];
    for (auto const& [xorb, entries] : one["fetch_info"].as_object()) {
      auto& all = fetch[xorb];
      if (all.is_null()) all = json::array{};
      for (auto const& entry : entries.as_array()) all.as_array().push_back(entry);
    }
  }
  return json_answer(json::object{{"files", files}, {"fetch_info", fetch}});
}

Answer Cas::chunk(Call const& call) {
  auto const refusal = refused(call, Scope::read);
  if (refusal) return *refusal;
  auto const prefix = call.segment(2);
  auto const hash = XetHash::parse(call.segment(3));
  if ((prefix != "default" && prefix != "default-merkledb") || !hash) return text_answer(400, "The path names no chunk");
  auto const known = store.dedup(*hash);
  if (!known) return text_answer(404, "The chunk is unknown");
  // Every answer has a key of its own; now and then there is none, and the lookup tables come and go.
  auto const turn = dedup_answers_++ % 4;
  auto const& wanted = knobs_.dedup_form;
  DedupForm form;
  bool const hidden = wanted == "mixed" ? turn != 3 : wanted.starts_with("keyed");
  form.lookups = wanted == "mixed" ? turn % 2 == 0 : wanted.ends_with("lookups");
  if (hidden) {
    auto const key = raw_of(random_hex(32));
    form.key = XetHash::from_raw(key.data());
  }
  form.created_s = signer_.unix_now();
  form.expires_s = form.created_s + knobs_.dedup_lifetime_s;
  return text_answer(200, dedup_shard(known->xorbs, known->eligible, form), "application/octet-stream");
}

Answer Cas::file_head(Call const& call) const {
  auto const found = file_at(call, 2);
  if (found.refusal) return *found.refusal;
  Answer answer;
  answer.length = found.file->size;
  answer.content = made_content(store.bytes_of(*found.file), found.file->size);
  return answer;
}

Answer Cas::xorb_head(Call const& call) const {
  auto const refusal = refused(call, Scope::read);
  if (refusal) return *refusal;
  auto const hash = XetHash::parse(call.segment(3));
  if (call.segment(2) != "default" || !hash) return text_answer(400, "The path names no xorb");
  auto const xorb = store.xorb(*hash);
  if (!xorb) return text_answer(404, "There is no xorb " + hash->text());
  Answer answer;
  answer.length = xorb->stored();
  answer.content = made_content(xorb, xorb->stored());
  return answer;
}

Answer Cas::file_chunks(Call const& call) const {
  auto const found = file_at(call, 2);
  if (found.refusal) return *found.refusal;
  auto const dirty = parse_ranges(call.header("x-range-dirty"));
  if (!dirty) return text_answer(400, "X-Range-Dirty names no byte ranges");
  auto const chunks = store.chunks_of(*found.file);
  auto const windows = edit_windows(chunks, *dirty);
  std::vector<Bytes> begins{0};
  for (auto const& chunk : chunks) begins.push_back(begins.back() + chunk.size);

  json::array windows_json;
  json::array hash_ranges;
  std::size_t at = 0;
  auto const gap = [&](std::size_t end) {
    if (at == end) {
      hash_ranges.push_back(nullptr);
    } else {
      std::vector<TreeNode> leaves(chunks.begin() + static_cast<std::ptrdiff_t>(at), chunks.begin() + static_cast<std::ptrdiff_t>(end));
      hash_ranges.push_back(subtree_json(std::move(leaves), at == 0, end == chunks.size()));
    }
  };
  for (auto const& [first, end] : windows) {
    gap(first);
    windows_json.push_back(json::object{{"dirtyByteRange", json::array{begins[first], begins[end]}}});
    at = end;
  }
  gap(chunks.size());

  json::array verification;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < found.file->segments.size(); ++i) {
    auto const& segment = found.file->segments[i];
    auto const end = begin + segment.end - segment.first;
    bool const touched = std::any_of(windows.begin(), windows.end(), [&](auto const& window) { return window.first < end && window.second > begin; });
    if (!touched) verification.push_back(json::value(found.file->verification[i].text()));
    begin = end;
  }
  return json_answer(json::object{{"totalChunks", chunks.size()}, {"fileSize", found.file->size}, {"windows", windows_json},
                                  {"hashRanges", hash_ranges}, {"gapVerification", verification}});
}

Answer Cas::xorb_bytes(Call const& call) const {
  auto const refuse = [](int status, std::string const& code, std::string const& message) {
    return text_answer(status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>",
                       "application/xml");
  };
  auto const verdict = signer_.check(call.path, call.query);
  if (verdict == Signer::Verdict::expired) return refuse(403, "AccessDenied", "Request has expired");
  if (verdict == Signer::Verdict::forged) return refuse(403, "AccessDenied", "Access Denied");
  auto const hash = XetHash::parse(call.segment(2));
  auto const xorb = hash ? store.xorb(*hash) : nullptr;
  if (!xorb) return refuse(404, "NoSuchKey", "There is no such xorb");

  auto const given = parse_ranges(call.query.get("X-Xet-Signed-Range").value_or(""));
  auto const header = call.header("range");
  auto const asked = header.empty() ? given : parse_ranges(header);
  if (!given || !asked) return refuse(403, "AccessDenied", "The range is not signed");
  bool const exact = knobs_.xorb_ranges == "exact";
  for (auto const& range : *asked) {
    bool const covered = std::any_of(given->begin(), given->end(), [&](ByteRange const& one) {
      return exact ? range == one : range.first >= one.first && range.second <= one.second;
    });
    if (!covered) return refuse(403, "AccessDenied", "The range is not signed");
    if (range.second > xorb->records()) return refuse(416, "InvalidRange", "The range goes past the xorb");
  }

  std::shared_ptr<ByteSource const> source = xorb;
  for (auto const& action : call.hostile_chunks) {
    auto patches = spoil_chunk(action, *xorb);
    if (!patches.empty()) source = patched(source, std::move(patches));
  }
  auto seen = std::make_shared<XorbBody>();
  seen->xorb = hash->text();
  for (auto const& one : xorb->chunks()) seen->chunk_ends.push_back(one.end);
  Answer answer;
  answer.status = 206;
  answer.set("Accept-Ranges", "bytes");
  auto const content_range = [&](ByteRange const& range) {
    return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.second - 1) + "/" + std::to_string(xorb->records());
  };
  if (asked->size() == 1) {
    auto const& range = asked->front();
    answer.content = made_content(source, xorb->records());
    answer.offset = range.first;
    answer.length = range.second - range.first;
    answer.set("Content-Range", content_range(range));
    answer.set("Content-Type", "application/octet-stream");
    seen->parts.push_back({0, range.first, answer.length});
  } else {
    auto const boundary = random_hex(12);
    std::vector<Part> parts;
    Bytes size = 0;
    for (auto const& range : *asked) {
      std::string head = size == 0 ? "" : "\r\n";
      head += "--" + boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Range: " + content_range(range) + "\r\n\r\n";
      size += head.size();
      seen->parts.push_back({size, range.first, range.second - range.first});
      size += range.second - range.first;
      parts.emplace_back(std::move(head));
      parts.emplace_back(Stretch{source, range.first, range.second - range.first});
    }
    parts.emplace_back("\r\n--" + boundary + "--\r\n");
    size += size_of(parts.back());
    answer.content = made_content(joined(std::move(parts)), size);
    answer.length = size;
    answer.set("Content-Type", "multipart/byteranges; boundary=" + boundary);
  }
  answer.xorb = std::move(seen);
  return answer;
}

}  // namespace hubd::localhub
