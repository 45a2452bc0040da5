// SPDX-License-Identifier: Apache-2.0
// LFS: batch, uploads (basic and multipart), verify, duplicate.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>

#include "tests/localhub/crypto.h"
#include "tests/localhub/hub.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

constexpr std::string_view kLfsType = "application/vnd.git-lfs+json";

Answer lfs_answer(json::value const& value, int status = 200) {
  auto answer = json_answer(value, status);
  answer.set("Content-Type", std::string(kLfsType));
  return answer;
}

std::string text_of(json::object const& object, std::string_view key) {
  auto const* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<Bytes> size_of(json::object const& object) {
  auto const* value = object.if_contains("size");
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code error;
  auto const size = value->to_number<std::uint64_t>(error);
  if (error) return std::nullopt;
  return size;
}

bool is_sha256(std::string const& text) { return text.size() == 64 && raw_of(text).size() == 32 && lower(text) == text; }

std::optional<json::object> body_object(Call const& call) {
  boost::system::error_code error;
  auto value = json::parse(call.body, error);
  if (error || !value.is_object()) return std::nullopt;
  return value.get_object();
}

// The branch an upload is for, as one part of a path.
std::string batch_revision(json::object const& body) {
  auto const* ref = body.if_contains("ref");
  auto name = ref != nullptr && ref->is_object() ? text_of(ref->get_object(), "name") : std::string();
  if (name.starts_with("refs/heads/")) name.erase(0, 11);
  return percent_encode(name.empty() ? "main" : name);
}

std::uint64_t number_of(std::optional<std::string> const& text) { return text ? std::strtoull(text->c_str(), nullptr, 10) : 0; }

}  // namespace

Answer Hub::lfs_batch(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::see);
  if (opened.refusal) return *opened.refusal;
  auto const body = body_object(call);
  if (!body || !body->contains("objects") || !body->at("objects").is_array()) return error_answer(422, "", "\"objects\" is required");
  if (opened.caller.user == nullptr) return not_found(opened.caller);
  if (text_of(*body, "operation") != "upload") return error_answer(422, "", "Only uploads go through this batch endpoint");
  auto& repo = *opened.repo;
  auto const offered = [&body](std::string_view name) {
    auto const* transfers = body->if_contains("transfers");
    if (transfers == nullptr || !transfers->is_array()) return false;
    auto const& list = transfers->get_array();
    return std::find(list.begin(), list.end(), json::value(name)) != list.end();
  };
  bool const multipart_offered = offered("multipart");
  bool const xet = offered("xet") && knobs.lfs_batch_xet && world.may_write(repo, opened.caller.user);
  json::array out;
  bool multipart = false;
  for (auto const& value : body->at("objects").get_array()) {
    if (!value.is_object()) return error_answer(422, "", "an object is not an object");
    auto const oid = text_of(value.get_object(), "oid");
    auto const size = size_of(value.get_object());
    json::object item{{"oid", oid}, {"size", size.value_or(0)}};
    if (!is_sha256(oid) || !size) {
      item["error"] = json::object{{"code", 422}, {"message", "oid is not a sha256, or size is not a size"}};
      out.push_back(item);
      continue;
    }
    if (repo.lfs_objects.contains(oid)) {
      out.push_back(item);
      continue;
    }
    item["authenticated"] = true;
    json::object upload;
    auto const repo_text = percent_encode(plural(repo.type) + "/" + repo.id);
    if (xet) {
      upload["href"] = call.base + "/api/" + plural(repo.type) + "/" + repo.id + "/xet-write-token/" + batch_revision(*body);
      auto header = cas.token_fields(repo.oid, opened.caller.user->name, true);
      header["X-Xet-Session-Id"] = random_hex(16);
      upload["header"] = std::move(header);
      item["actions"] = json::object{{"upload", upload}};
      out.push_back(item);
      continue;
    }
    if (multipart_offered && *size >= knobs.lfs_multipart_min && *size > 0) {
      multipart = true;
      auto const id = random_hex(8);
      multiparts_[id] = {repo.type, repo.id, oid, *size, knobs.lfs_chunk, {}};
      json::object header{{"chunk_size", std::to_string(knobs.lfs_chunk)}};
      auto const parts = (*size + knobs.lfs_chunk - 1) / knobs.lfs_chunk;
      for (std::size_t n = 1; n <= parts; ++n) {
        char name[24];
        std::snprintf(name, sizeof name, "%05zu", n);
        header[name] = cdn_base + signer.sign("/upload-part/" + id + "/" + std::to_string(n), "", knobs.url_lifetime_s);
      }
      upload["href"] = call.base + signer.sign("/api/complete_multipart", "uploadId=" + id, knobs.url_lifetime_s);
      upload["header"] = header;
    } else {
      upload["href"] = cdn_base + signer.sign("/upload/" + oid, "size=" + std::to_string(*size) + "&repo=" + repo_text, knobs.url_lifetime_s);
    }
    auto const verify = call.base + "/" + url_prefix(repo.type) + repo.id + ".git/info/lfs/objects/verify";
    item["actions"] = json::object{{"upload", upload}, {"verify", json::object{{"href", verify}}}};
    out.push_back(item);
  }
  return lfs_answer(json::object{{"transfer", xet ? "xet" : multipart ? "multipart" : "basic"}, {"objects", out}});
}

std::optional<Hub::UploadTarget> Hub::upload_target(Call const& call, Answer& refusal) {
  if (call.origin != "cdn") {
    UploadTarget target;
    target.xorb = cas.upload_target(call, refusal);
    if (!target.xorb) return std::nullopt;
    return target;
  }
  auto const verdict = signer.check(call.path, call.query);
  if (verdict != Signer::Verdict::good) {
    refusal = text_answer(403, std::string("<Error><Code>AccessDenied</Code><Message>") +
                                   (verdict == Signer::Verdict::expired ? "Request has expired" : "Access Denied") + "</Message></Error>", "application/xml");
    return std::nullopt;
  }
  UploadTarget target;
  if (call.segment(0) == "upload") {
    target.oid = call.segment(1);
    target.size = number_of(call.query.get("size"));
    target.upload_id = call.query.get("repo").value_or("");
    return target;
  }
  auto const upload = multiparts_.find(call.segment(1));
  target.number = std::strtoull(call.segment(2).c_str(), nullptr, 10);
  if (call.segment(0) != "upload-part" || upload == multiparts_.end() || target.number == 0) {
    refusal = text_answer(404, "<Error><Code>NoSuchUpload</Code></Error>", "application/xml");
    return std::nullopt;
  }
  target.part = true;
  target.upload_id = upload->first;
  auto const from = (target.number - 1) * upload->second.chunk;
  target.size = from >= upload->second.size ? 0 : std::min(upload->second.chunk, upload->second.size - from);
  return target;
}

Answer Hub::upload_done(UploadTarget const& target, std::filesystem::path const& temporary, std::string const& sha256,
                        std::string const& md5, Bytes size, std::uint64_t crc) {
  if (target.xorb) return cas.upload_done(*target.xorb, temporary, size, crc);
  std::error_code ignored;
  auto const refuse = [&](std::string const& code) {
    std::filesystem::remove(temporary, ignored);
    return text_answer(400, "<Error><Code>" + code + "</Code></Error>", "application/xml");
  };
  if (size != target.size) return refuse("IncompleteBody");
  Answer answer;
  answer.set("ETag", "\"" + md5 + "\"");
  if (target.part) {
    auto const upload = multiparts_.find(target.upload_id);
    if (upload == multiparts_.end()) return refuse("NoSuchUpload");
    auto& place = upload->second.parts[target.number];
    if (!place.first.empty() && place.first != temporary) std::filesystem::remove(place.first, ignored);
    place = {temporary, "\"" + md5 + "\""};
    return answer;
  }
  if (sha256 != target.oid) return refuse("XAmzContentSHA256Mismatch");
  auto const kept = store.adopt(temporary, sha256, size);
  if (!kept) return text_answer(500, kept.error().what);
  auto const slash = target.upload_id.find('/');
  auto* repo = world.find(singular(target.upload_id.substr(0, slash)), target.upload_id.substr(slash + 1));
  if (repo != nullptr) repo->lfs_objects.insert(sha256);
  return answer;
}

Answer Hub::lfs_complete(Call const& call) {
  if (signer.check(call.path, call.query) != Signer::Verdict::good) return error_answer(403, "", "Request has expired");
  auto const upload = multiparts_.find(call.query.get("uploadId").value_or(""));
  auto const body = body_object(call);
  if (upload == multiparts_.end()) return error_answer(404, "", "No such upload");
  auto const& state = upload->second;
  if (!body || text_of(*body, "oid") != state.oid || !body->contains("parts") || !body->at("parts").is_array()) {
    return error_answer(400, "", "oid and parts are required");
  }
  auto const wanted = (state.size + state.chunk - 1) / state.chunk;
  auto const& parts = body->at("parts").get_array();
  if (parts.size() != wanted || state.parts.size() != wanted) return error_answer(400, "", "Parts are missing");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto const* part = parts[i].if_object();
    auto const* number = part == nullptr ? nullptr : part->if_contains("partNumber");
    if (number == nullptr || !number->is_number()) return error_answer(400, "", "partNumber is required");
    auto const known = state.parts.find(number->to_number<std::size_t>());
    if (known == state.parts.end() || known->second.second != text_of(*part, "etag")) return error_answer(400, "", "Invalid part etag");
  }
  auto const whole = store.temporary();
  Hash hash(Hash::Kind::sha256);
  std::error_code ignored;
  {
    std::ofstream out(whole, std::ios::binary);
    std::string buffer(1 << 20, '\0');
    for (auto const& [number, part] : state.parts) {
      std::ifstream in(part.first, std::ios::binary);
      while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
        auto const got = std::string_view(buffer).substr(0, static_cast<std::size_t>(in.gcount()));
        hash.update(got);
        out.write(got.data(), static_cast<std::streamsize>(got.size()));
      }
      std::filesystem::remove(part.first, ignored);
    }
  }
  auto const oid = hash.hex();
  auto const done = state;
  multiparts_.erase(upload);
  if (oid != done.oid) {
    std::filesystem::remove(whole, ignored);
    return error_answer(422, "", "The uploaded parts do not have the announced sha256");
  }
  auto const kept = store.adopt(whole, oid, done.size);
  if (!kept) return error_answer(500, "", kept.error().what);
  if (auto* repo = world.find(done.repo_type, done.repo_id); repo != nullptr) repo->lfs_objects.insert(oid);
  return lfs_answer(json::object{{"success", true}});
}

Answer Hub::lfs_verify(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::see);
  if (opened.refusal) return *opened.refusal;
  auto const body = body_object(call);
  if (!body) return error_answer(400, "", "oid and size are required");
  auto const oid = text_of(*body, "oid");
  auto const content = store.find(oid);
  if (!content || !opened.repo->lfs_objects.contains(oid)) return error_answer(404, "", "Object does not exist");
  if (content->size != size_of(*body)) return error_answer(422, "", "Object has another size");
  return lfs_answer(json::object{{"success", true}});
}

Answer Hub::lfs_duplicate(Call const& call, Place const& place) {
  auto source = open(call, place, Need::files);
  if (source.refusal) return *source.refusal;
  auto const body = body_object(call);
  if (!body || !body->contains("target") || !body->contains("files")) return error_answer(400, "", "target and files are required");
  auto const& target = body->at("target").as_object();
  auto* repo = world.find(text_of(target, "type"), text_of(target, "name"));
  if (repo == nullptr || !world.may_write(*repo, source.caller.user)) return error_answer(404, "RepoNotFound", "Repository not found");
  json::array failed;
  for (auto const& file : body->at("files").as_array()) {
    auto const oid = text_of(file.as_object(), "sha256");
    if (source.repo->lfs_objects.contains(oid)) {
      repo->lfs_objects.insert(oid);
      if (auto const* known = cas.store.file_by_sha256(oid, source.repo->oid); known != nullptr) cas.store.allow(known->hash, repo->oid);
    } else {
      failed.push_back(json::object{{"sha256", oid}, {"error", "not found"}});
    }
  }
  return json_answer(json::object{{"failed", failed}});
}

}  // namespace hubd::localhub
