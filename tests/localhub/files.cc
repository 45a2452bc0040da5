// SPDX-License-Identifier: Apache-2.0
// File bytes: resolve, raw, the resolve cache, the CDN.
#include <algorithm>
#include <boost/json.hpp>

#include "tests/localhub/crypto.h"
#include "tests/localhub/hub.h"

namespace hubd::localhub {
namespace {

struct Where {
  std::string revision;
  std::string path;
};

// `/resolve/refs/pr/1/file` is accepted beside `/resolve/refs%2Fpr%2F1/file`: greedy on the refs that exist.
Where split_revision(Repo const& repo, Call const& call, std::size_t first) {
  auto const count = call.segments.size() > first ? call.segments.size() - first : 0;
  for (std::size_t n = std::min<std::size_t>(count > 0 ? count - 1 : 0, 8); n >= 2; --n) {
    std::string name;
    for (std::size_t i = 0; i < n; ++i) name += (i == 0 ? "" : "/") + call.segment(first + i);
    if (repo.has_ref(name)) return {name, call.rest(first + n)};
  }
  return {call.segment(first), call.rest(first + 1)};
}

void append(Fields& fields, Fields const& more) { fields.insert(fields.end(), more.begin(), more.end()); }

}  // namespace

Answer Hub::resolve(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::files);
  if (opened.refusal) return *opened.refusal;
  auto const where = split_revision(*opened.repo, call, place.rest);
  auto found = at(*opened.repo, where.revision);
  if (found.refusal) return *found.refusal;
  auto const& commit = *found.commit;
  auto const it = commit.tree->find(where.path);
  if (it == commit.tree->end()) return no_entry(commit.id);
  auto const& entry = it->second;

  if (!entry.lfs) {
    auto const location = "/api/resolve-cache/" + plural(opened.repo->type) + "/" + opened.repo->id + "/" + commit.id + "/" +
                          percent_encode(where.path, "/") + "?" + percent_encode(percent_decode(call.path)) + "=&etag=" +
                          percent_encode("\"" + entry.etag() + "\"");
    auto answer = text_answer(307, "Temporary Redirect. Redirecting to " + location);
    answer.set("Location", location);
    answer.set("X-Repo-Commit", commit.id);
    return answer;  // no size, no ETag here: clients must follow, as on the public Hub
  }

  Answer answer;
  auto const tags = call.header("if-none-match");
  if (!tags.empty() && tags.find(entry.etag()) != std::string_view::npos) {
    answer.status = 304;
    answer.set("ETag", "\"" + entry.etag() + "\"");
    answer.set("X-Repo-Commit", commit.id);
    return answer;
  }
  auto const path = "/" + plural(opened.repo->type) + "/" + opened.repo->id + "/" + entry.content->sha256 + "/" +
                    percent_encode(where.path, "/");
  auto params = "commit=" + commit.id;
  if (call.query.flag("download")) params += "&download=true";
  if (call.query.flag("noContentDisposition")) params += "&noContentDisposition=1";
  auto const location = cdn_base + signer.sign(path, params, knobs.url_lifetime_s);
  constexpr std::string_view kXetInfo = "application/vnd.xet-fileinfo+json";
  if (!entry.xet.empty() && call.header("accept").find(kXetInfo) != std::string_view::npos) {
    answer = json_answer(boost::json::object{{"hash", entry.xet}, {"size", entry.content->size}});
    answer.set("Content-Type", std::string(kXetInfo));
    answer.set("X-Repo-Commit", commit.id);
    answer.set("X-Linked-Size", std::to_string(entry.content->size));
    answer.set("X-Linked-ETag", "\"" + entry.etag() + "\"");
    add_xet_fields(call, *opened.repo, commit.id, entry, answer);
    return answer;
  }
  answer = text_answer(302, "Found. Redirecting to " + location);
  answer.set("Location", location);
  answer.set("X-Repo-Commit", commit.id);
  answer.set("X-Linked-Size", std::to_string(entry.content->size));
  answer.set("X-Linked-ETag", "\"" + entry.etag() + "\"");
  answer.set("Accept-Ranges", "bytes");
  add_xet_fields(call, *opened.repo, commit.id, entry, answer);
  return answer;
}

Answer Hub::resolve_cache(Call const& call) {
  // api / resolve-cache / models / ns / name / commit / path...
  auto const type = singular(call.segment(2));
  if (type.empty() || call.segments.size() < 6) return error_answer(404, "EntryNotFound", "Entry not found");
  auto const is_commit = [](std::string const& text) { return text.size() == 40 && raw_of(text).size() == 20; };
  std::size_t const commit_at = is_commit(call.segments[4]) ? 4 : 5;
  Place place;
  place.type = type;
  place.id_from = 3;
  place.id_end = commit_at;
  place.id = call.segment(3) + (commit_at == 5 ? "/" + call.segment(4) : "");
  auto opened = open(call, place, Need::files);
  if (opened.refusal) return *opened.refusal;
  auto const id = call.segment(commit_at);
  auto const commit = opened.repo->commits.find(id);
  if (commit == opened.repo->commits.end()) return error_answer(404, "RevisionNotFound", "Invalid rev id: " + id);
  auto const path = call.rest(commit_at + 1);
  auto const it = commit->second->tree->find(path);
  if (it == commit->second->tree->end()) return no_entry(id);
  auto answer = file_answer(call, it->second.content, it->second.etag());
  answer.set("X-Repo-Commit", id);
  if (answer.status == 200 || answer.status == 206) {
    append(answer.fields, content_disposition(path, call.query.flag("download")));
    answer.set("Content-Type", looks_binary(it->second.content->text) ? "application/octet-stream" : "text/plain; charset=utf-8");
  }
  return answer;
}

Answer Hub::raw(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::files);
  if (opened.refusal) return *opened.refusal;
  auto const where = split_revision(*opened.repo, call, place.rest);
  auto found = at(*opened.repo, where.revision);
  if (found.refusal) return *found.refusal;
  auto const it = found.commit->tree->find(where.path);
  if (it == found.commit->tree->end()) return no_entry(found.commit->id);
  Answer answer;
  if (it->second.lfs) {
    answer = text_answer(200, it->second.content->pointer);
  } else {
    answer.content = it->second.content;
    answer.length = answer.content->size;
    answer.set("Content-Type", "text/plain; charset=utf-8");
  }
  answer.set("X-Repo-Commit", found.commit->id);
  answer.set("ETag", "\"" + it->second.oid() + "\"");
  return answer;
}

Answer Hub::cdn(Call const& call) {
  auto const refuse = [](std::string const& message) {
    auto answer = text_answer(403, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>" + message +
                                       "</Message></Error>", "application/xml");
    return answer;
  };
  auto const verdict = signer.check(call.path, call.query);
  if (verdict == Signer::Verdict::expired) return refuse("Request has expired");
  if (verdict == Signer::Verdict::forged) return refuse("Access Denied");
  // {T} / ns / name / sha256 / path..., or {T} / name / sha256 / path...
  std::size_t const hash_at = call.segments.size() > 2 && call.segments[2].size() == 64 ? 2 : 3;
  auto const content = store.find(call.segment(hash_at));
  if (!content) return text_answer(404, "<Error><Code>NoSuchKey</Code></Error>", "application/xml");
  auto answer = file_answer(call, content, content->sha256);
  if (auto const commit = call.query.get("commit")) {
    answer.set("X-Repo-Commit", *commit);
    answer.set("X-Linked-Size", std::to_string(content->size));
    answer.set("X-Linked-ETag", "\"" + content->sha256 + "\"");
  }
  if (answer.status == 200 || answer.status == 206) {
    answer.set("Content-Type", "application/octet-stream");
    if (!call.query.flag("noContentDisposition")) {
      append(answer.fields, content_disposition(call.rest(hash_at + 1), call.query.flag("download")));
    }
  }
  return answer;
}

}  // namespace hubd::localhub
