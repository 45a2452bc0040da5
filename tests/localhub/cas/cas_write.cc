// SPDX-License-Identifier: Apache-2.0
// The CAS, write side: upload grants, xorb bodies, shards.
#include <boost/json.hpp>
#include <charconv>

#include "tests/localhub/cas/cas.h"
#include "tests/localhub/crypto.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

std::optional<XetHash> xorb_of(Call const& call) {
  if (call.segment(2) != "default") return std::nullopt;
  return XetHash::parse(call.segment(3));
}

Answer no_xorb() { return text_answer(400, "The path names no xorb"); }

Answer upload_answer(Result<bool> const& put) {
  if (!put) return text_answer(put.error().kind == ErrorKind::io ? 500 : 400, put.error().what);
  return json_answer(json::object{{"was_inserted", *put}});
}

}  // namespace

Answer Cas::grant(Call const& call) {
  auto const refusal = refused(call, Scope::write);
  if (refusal) return *refusal;
  if (!knobs_.xorb_grants) return text_answer(404, "Not Found");
  auto const hash = xorb_of(call);
  if (!hash) return no_xorb();
  boost::system::error_code error;
  auto const body = json::parse(call.body, error);
  auto const* object = error ? nullptr : body.if_object();
  auto const* length = object == nullptr ? nullptr : object->if_contains("length");
  auto const* checksum = object == nullptr ? nullptr : object->if_contains("checksum");
  if (length == nullptr || !length->is_number() || checksum == nullptr || !checksum->is_object()) {
    return text_answer(422, "\"length\" and \"checksum\" are required");
  }
  auto const* algo = checksum->get_object().if_contains("algo");
  auto const* value = checksum->get_object().if_contains("value");
  if (algo == nullptr || *algo != json::value("crc64nvme") || value == nullptr || !value->is_string()) {
    return text_answer(422, "\"checksum\" is {\"algo\": \"crc64nvme\", \"value\": \"<decimal>\"}");
  }
  Grant made;
  made.xorb = *hash;
  made.length = length->to_number<std::uint64_t>();
  std::string const text(value->get_string());
  auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), made.crc);
  if (problem != std::errc{} || end != text.data() + text.size()) return text_answer(422, "The checksum's value is not a decimal number");
  if (made.length == 0 || made.length > kXorbBodyMax) return text_answer(400, "No xorb has this length");
  if (store.xorb(*hash)) return text_answer(200, "");
  auto const id = random_hex(12);
  grants_[id] = made;
  auto const target = xorb_url + signer_.sign("/xorb-uploads/" + id, "", knobs_.url_lifetime_s);
  return json_answer(json::object{{"id", id}, {"method", "PUT"}, {"url", target}, {"headers", json::object{{"if-none-match", "*"}}}}, 201);
}

std::optional<Cas::Upload> Cas::upload_target(Call const& call, Answer& refusal) {
  if (call.route == "cas-xorb") {
    auto refused_now = refused(call, Scope::write);
    auto const hash = xorb_of(call);
    if (!refused_now && !hash) refused_now = no_xorb();
    if (!refused_now) return Upload{*hash, {}};
    refusal = std::move(*refused_now);
    return std::nullopt;
  }
  auto const id = call.segment(1);
  auto const known = grants_.find(id);
  if (signer_.check(call.path, call.query) != Signer::Verdict::good) {
    refusal = text_answer(403, "<Error><Code>AccessDenied</Code></Error>", "application/xml");
  } else if (known == grants_.end()) {
    refusal = text_answer(404, "<Error><Code>NoSuchKey</Code></Error>", "application/xml");
  } else if (!known->second.body.empty() || store.xorb(known->second.xorb)) {
    refusal = text_answer(412, "<Error><Code>PreconditionFailed</Code></Error>", "application/xml");
  } else {
    return Upload{known->second.xorb, id};
  }
  return std::nullopt;
}

Answer Cas::upload_done(Upload const& upload, std::filesystem::path const& temporary, Bytes size, std::uint64_t crc) {
  if (upload.grant.empty()) return upload_answer(store.put_xorb(temporary, upload.xorb, false));
  auto& known = grants_[upload.grant];
  if (size != known.length || crc != known.crc) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    return text_answer(400, "<Error><Code>BadDigest</Code><Message>The body is not the one that was announced</Message></Error>", "application/xml");
  }
  known.body = temporary;
  return text_answer(200, "");
}

Answer Cas::commit_grant(Call const& call) {
  auto const refusal = refused(call, Scope::write);
  if (refusal) return *refusal;
  auto const hash = xorb_of(call);
  if (!hash) return no_xorb();
  auto const known = grants_.find(call.segment(5));
  if (known == grants_.end() || known->second.xorb != *hash || known->second.body.empty()) {
    return store.xorb(*hash) ? json_answer(json::object{{"was_inserted", false}}) : text_answer(404, "Nothing was uploaded for this grant");
  }
  auto const body = known->second.body;
  grants_.erase(known);
  return upload_answer(store.put_xorb(body, *hash, true));
}

Answer Cas::shard(Call const& call, bool v2) {
  auto const refusal = refused(call, Scope::write);
  if (refusal) return *refusal;
  auto const parsed = parse_shard(call.body);
  auto const added = parsed ? store.add_shard(*parsed, token_of(call).repo) : Result<bool>(parsed.error());
  if (!v2) {
    if (!added) return text_answer(400, added.error().what);
    return json_answer(json::object{{"result", *added ? 1 : 0}, {"shard_hash", parsed->id.text()}});
  }
  std::size_t entries = 0;
  if (parsed) {
    for (auto const& file : parsed->files) entries += file.segments.size();
  }
  std::string lines;
  auto const line = [&lines](json::object const& object) { lines += json::serialize(object) + "\n"; };
  line({{"type", "validating"}, {"verified", 0}, {"total", entries}});
  if (added) {
    line({{"type", "validating"}, {"verified", entries}, {"total", entries}});
    line({{"type", "committing"}, {"stage", "uploading"}});
    line({{"type", "committing"}, {"stage", "syncing"}});
    line({{"type", "result"}, {"result", *added ? 1 : 0}});
  } else {
    line({{"type", "error"}, {"message", added.error().what}, {"retryable", false}});
  }
  return text_answer(200, lines, "application/x-ndjson");
}

}  // namespace hubd::localhub
