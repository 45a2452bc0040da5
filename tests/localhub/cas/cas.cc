// SPDX-License-Identifier: Apache-2.0
#include "tests/localhub/cas/cas.h"

#include <boost/json.hpp>
#include <zstd.h>

#include "tests/localhub/crypto.h"

namespace hubd::localhub {

namespace json = boost::json;

std::string cas_route(std::string_view method, std::vector<std::string> const& at) {
  auto const size = at.size();
  bool const get = method == "GET";
  bool const head = method == "HEAD";
  bool const post = method == "POST";
  if (size == 1 && at[0] == "health") return "cas-health";
  if (size < 2) return "cas-other";
  bool const v1 = at[0] == "v1";
  bool const v2 = at[0] == "v2";
  auto const& noun = at[1];
  if (noun == "reconstructions" && size == 3 && get) return v2 ? "cas-reconstruction" : v1 ? "cas-reconstruction-v1" : "cas-other";
  if (noun == "reconstructions" && size == 2 && v1 && (get || post)) return "cas-reconstruction-batch";
  if (noun == "chunks" && size == 4 && v1 && get) return "cas-chunk";
  if (noun == "xorb-grants" && size == 4 && v1 && post) return "cas-grant";
  if (noun == "xorb-commits" && size == 6 && v1 && post && at[4] == "grant") return "cas-commit";
  if (noun == "xorbs" && size == 4 && v1 && post) return "cas-xorb";
  if (noun == "xorbs" && size == 4 && v1 && head) return "cas-xorb-head";
  if (noun == "files" && size == 3 && v1 && head) return "cas-file-head";
  if (noun == "shards" && size == 2 && post) return v2 ? "cas-shard" : v1 ? "cas-shard-v1" : "cas-other";
  if (noun == "file-chunk-hashes" && size == 3 && v2 && get) return "cas-file-chunks";
  if (noun == "telemetry" && size == 2 && v1 && post) return "cas-telemetry";
  return "cas-other";
}

std::string xorb_route(std::string_view method, std::vector<std::string> const& at) {
  if (at.size() == 3 && at[0] == "xorbs" && method == "GET") return "xorb";
  if (at.size() == 3 && at[0] == "xorbs" && method == "HEAD") return "xorb-head";
  if (at.size() == 2 && at[0] == "xorb-uploads" && method == "PUT") return "xorb-put";
  return "xorb-other";
}

Cas::Cas(std::filesystem::path const& data, Signer const& signer, Knobs const& knobs) : store(data), signer_(signer), knobs_(knobs) {}

XetToken Cas::token_of(Call const& call) const {
  auto const header = call.header("authorization");
  if (lower(header.substr(0, 7)) != "bearer ") return {};
  return tokens.find(trim(header.substr(7)), signer_.unix_now()).value_or(XetToken{});
}

std::optional<Answer> Cas::refused(Call const& call, Scope scope) const {
  auto const token = token_of(call);
  if (token.repo.empty()) return text_answer(401, "The token is missing, unknown or expired");
  if (scope == Scope::write && !token.write) return text_answer(403, "The token is for reading");
  return std::nullopt;
}

Cas::FileRef Cas::file_at(Call const& call, std::size_t segment) const {
  FileRef found;
  found.refusal = refused(call, Scope::read);
  if (found.refusal) return found;
  auto const hash = XetHash::parse(call.segment(segment));
  if (!hash) {
    found.refusal = text_answer(400, "The file id is not 64 hex digits");
    return found;
  }
  auto const* file = store.file(*hash);
  bool const hidden = file != nullptr && knobs_.cas_repo_check && !file->allows(token_of(call).repo);
  if (file == nullptr || hidden) {
    found.refusal = text_answer(404, "There is no file " + hash->text());
    return found;
  }
  found.file = file;
  return found;
}

Answer Cas::handle(Call const& call) {
  auto answer = routed(call);
  bool const json = call.route.starts_with("cas-reconstruction") || call.route == "cas-file-chunks";
  if (json && knobs_.cas_compression && answer.status == 200 && !answer.content && call.header("accept-encoding").find("zstd") != std::string_view::npos) {
    std::string packed(ZSTD_compressBound(answer.body.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), answer.body.data(), answer.body.size(), 3));
    answer.body = std::move(packed);
    answer.set("Content-Encoding", "zstd");
  }
  return answer;
}

Answer Cas::routed(Call const& call) {
  auto const& route = call.route;
  if (route == "cas-reconstruction") return reconstruction(call, true);
  if (route == "cas-reconstruction-v1") return reconstruction(call, false);
  if (route == "cas-reconstruction-batch") return batch(call);
  if (route == "cas-chunk") return chunk(call);
  if (route == "cas-grant") return grant(call);
  if (route == "cas-commit") return commit_grant(call);
  if (route == "cas-xorb-head") return xorb_head(call);
  if (route == "cas-file-head") return file_head(call);
  if (route == "cas-shard") return shard(call, true);
  if (route == "cas-shard-v1") return shard(call, false);
  if (route == "cas-file-chunks") return file_chunks(call);
  if (route == "cas-health") return text_answer(200, "OK");
  if (route == "xorb" || route == "xorb-head") return xorb_bytes(call);
  if (route == "cas-telemetry") {
    auto const refusal = refused(call, Scope::read);
    if (refusal) return *refusal;
    return text_answer(call.body.size() > 1_MiB ? 413 : 200, "");
  }
  return text_answer(404, "Not Found");
}

json::object Cas::token_fields(std::string const& repo, std::string const& user, bool write) {
  auto const expires = signer_.unix_now() + knobs_.xet_token_lifetime_s;
  return {{"X-Xet-Cas-Url", url},
          {"X-Xet-Access-Token", tokens.mint({repo, user, write, expires}, knobs_.xet_token_length, signer_.unix_now())},
          {"X-Xet-Token-Expiration", std::to_string(expires)}};
}

Answer Cas::token_answer(std::string const& repo, std::string const& user, bool write) {
  auto const fields = token_fields(repo, user, write);
  auto const text = [&fields](char const* name) { return std::string(fields.at(name).as_string()); };
  auto answer = json_answer(json::object{{"casUrl", fields.at("X-Xet-Cas-Url")},
                                         {"exp", std::stoll(text("X-Xet-Token-Expiration"))},
                                         {"accessToken", fields.at("X-Xet-Access-Token")}});
  for (auto const* name : {"X-Xet-Cas-Url", "X-Xet-Access-Token", "X-Xet-Token-Expiration"}) {
    if (knobs_.xet_token_headers) answer.set(name, text(name));
  }
  return answer;
}

Result<XetFile const*> Cas::file_for_commit(std::string const& sha256, std::string const& repo) {
  if (!foreign.empty() && store.file_by_sha256(sha256, repo) == nullptr) {
    auto const adopted = store.adopt_folder(foreign);
    if (!adopted) return adopted.error();
  }
  auto const* file = store.file_by_sha256(sha256, repo);
  if (file == nullptr || true_files_.contains({sha256, file->hash})) return file;
  Hash digest(Hash::Kind::sha256);
  auto const bytes = store.bytes_of(*file);
  std::vector<std::byte> buffer(256 * 1024);
  for (Bytes at = 0; at < file->size;) {
    auto const got = bytes->read(at, buffer);
    if (!got) return got.error();
    digest.update(std::span<std::byte const>(buffer).first(*got));
    at += *got;
  }
  if (digest.hex() != sha256) return fail(ErrorKind::corrupt, "file " + file->hash.text() + " was uploaded with a sha256 that is not its own");
  true_files_.emplace(sha256, file->hash);
  return file;
}

json::value Cas::describe_file(XetHash const& hash) const {
  auto const* file = store.file(hash);
  if (file == nullptr) return json::object{{"error", "no such file"}};
  json::array terms;
  for (auto const& segment : file->segments) {
    terms.push_back(json::object{{"xorb", segment.xorb.text()}, {"length", segment.length}, {"start", segment.first}, {"end", segment.end}});
  }
  json::array chunks;
  for (auto const& chunk : store.chunks_of(*file)) chunks.push_back(json::array{chunk.hash.text(), chunk.size});
  return json::object{{"hash", hash.text()}, {"size", file->size}, {"sha256", file->sha256}, {"terms", terms}, {"chunks", chunks}};
}

json::value Cas::describe_xorb(XetHash const& hash) const {
  auto const xorb = store.xorb(hash);
  if (!xorb) return json::object{{"error", "no such xorb"}};
  json::array chunks;
  for (auto const& chunk : xorb->chunks()) {
    chunks.push_back(json::object{{"hash", chunk.hash.text()}, {"length", chunk.length}, {"scheme", chunk.scheme}, {"end", chunk.end}});
  }
  return json::object{{"hash", hash.text()}, {"length", xorb->length()}, {"records", xorb->records()}, {"stored", xorb->stored()}, {"chunks", chunks}};
}

}  // namespace hubd::localhub
