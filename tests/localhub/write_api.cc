// SPDX-License-Identifier: Apache-2.0
// Making and changing repos: create, delete, move, settings, preupload, commit, branches, tags.
#include <algorithm>
#include <boost/json.hpp>

#include "tests/localhub/crypto.h"
#include "tests/localhub/hub.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

constexpr Bytes kRegularMax = 10'000'000;

std::optional<json::object> body_object(Call const& call) {
  boost::system::error_code error;
  auto value = call.body.empty() ? json::value(json::object{}) : json::parse(call.body, error);
  if (error || !value.is_object()) return std::nullopt;
  return value.get_object();
}

std::string text_of(json::object const& object, std::string_view key, std::string fallback = {}) {
  auto const* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : fallback;
}

Answer bad(std::string const& message) { return error_answer(400, "", message); }

bool good_name(std::string_view name) {
  if (name.empty() || name.size() > 96 || name.find("..") != std::string_view::npos || name.find("--") != std::string_view::npos) return false;
  auto const edge = [](char c) { return c != '-' && c != '.'; };
  if (!edge(name.front()) || !edge(name.back()) || name.ends_with(".git")) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

// git's rules for ref names, as far as people trip over them.
bool good_ref(std::string_view name) {
  if (name.empty() || name.starts_with('/') || name.ends_with('/') || name.ends_with('.') || name.ends_with(".lock") || name.starts_with('-')) return false;
  if (name.find("..") != std::string_view::npos || name.find("//") != std::string_view::npos || name.find("@{") != std::string_view::npos) return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == '~' || c == '^' || c == ':' || c == '?' || c == '*' || c == '[' || c == '\\' || c == 0x7f;
  });
}

// The Hub refuses what would leave the repo, or git's own folder.
bool good_path(std::string_view path) {
  if (path.empty() || path.starts_with('/') || path.starts_with("..") || path.find('\0') != std::string_view::npos) return false;
  for (auto const& part : split(path, '/')) {
    if (part.empty() || part == "." || part == ".." || lower(part) == ".git") return false;
  }
  return true;
}

std::string attributes_of(Tree const& tree) {
  auto const it = tree.find(".gitattributes");
  return it == tree.end() ? std::string() : it->second.content->text;
}

std::string ref_for(std::string const& revision) { return revision.starts_with("refs/") ? revision : "refs/heads/" + revision; }

void erase_folder(Tree& tree, std::string path) {
  while (path.ends_with('/')) path.pop_back();
  auto const [first, last] = below(tree, path);
  tree.erase(first, last);
}

Answer write_refused() { return error_answer(403, "", "You don't have the rights to do this under the namespace"); }

}  // namespace

Answer Hub::repos_create(Call const& call) {
  if (auto refused = credentials_refused(call)) return *refused;
  auto const* user = caller_of(call).user;
  if (user == nullptr) return error_answer(401, "", "Invalid username or password.");
  auto const body = body_object(call);
  if (!body) return bad("The body is not a JSON object");
  auto const type = text_of(*body, "type", "model");
  auto const space = text_of(*body, "organization", user->name);
  auto const name = text_of(*body, "name");
  if (singular(plural(type)).empty()) return bad("Invalid repo type " + type);
  if (!good_name(name)) return bad("Invalid repo name: " + name);
  if (!world.may_write_namespace(space, user)) return error_answer(403, "", "You don't have the rights to create a " + type + " under the namespace \"" + space + "\"");
  if (type == "space" && text_of(*body, "sdk").empty()) return bad("\"sdk\" is required");
  auto const id = space + "/" + name;
  auto const url = [&](std::string const& repo_id) { return call.base + "/" + url_prefix(type) + repo_id; };
  if (auto const* known = world.find(type, id)) {
    auto answer = error_answer(409, "", "You already created this " + type + " repo");
    answer.body = json::serialize(json::object{{"error", "You already created this " + type + " repo"}, {"url", url(known->id)},
                                               {"name", known->id}, {"id", known->oid}});
    return answer;
  }
  auto& repo = world.create(type, id, now_text());
  auto const* flag = body->if_contains("private");
  repo.is_private = (flag != nullptr && flag->is_bool() && flag->get_bool()) || text_of(*body, "visibility") == "private";
  repo.sdk = text_of(*body, "sdk");
  CommitDraft draft;
  draft.title = "initial commit";
  draft.author = user->name;
  draft.date = now_text();
  draft.tree[".gitattributes"] = {store.from_text(default_gitattributes()), false};
  if (type == "space") draft.tree["README.md"] = {store.from_text("---\ntitle: " + name + "\nsdk: " + repo.sdk + "\n---\n"), false};
  if (auto const* files = body->if_contains("files"); files != nullptr && files->is_array()) {
    for (auto const& file : files->get_array()) {
      if (!file.is_object()) return bad("\"files\" holds objects");
      auto const& item = file.get_object();
      auto const content = text_of(item, "content");
      auto const bytes = text_of(item, "encoding") == "base64" ? base64_decode(content) : std::optional(content);
      if (!bytes || !good_path(text_of(item, "path"))) return bad("\"files\" holds a bad file");
      draft.tree[text_of(item, "path")] = {store.from_text(*bytes), false};
    }
  }
  repo.refs["refs/heads/main"] = add_commit(repo, std::move(draft))->id;
  return json_answer(json::object{{"url", url(id)}, {"name", id}, {"id", repo.oid}});
}

Answer Hub::repos_delete(Call const& call) {
  if (auto refused = credentials_refused(call)) return *refused;
  auto const* user = caller_of(call).user;
  if (user == nullptr) return error_answer(401, "", "Invalid username or password.");
  auto const body = body_object(call);
  if (!body) return bad("The body is not a JSON object");
  auto const type = text_of(*body, "type", "model");
  auto const id = text_of(*body, "organization", user->name) + "/" + text_of(*body, "name");
  auto const* repo = world.find(type, id);
  if (repo == nullptr || !world.may_see(*repo, user)) return error_answer(404, "RepoNotFound", "Repository not found");
  if (!world.may_write(*repo, user)) return write_refused();
  world.remove(type, repo->id);
  return text_answer(200, "OK");
}

Answer Hub::repos_move(Call const& call) {
  if (auto refused = credentials_refused(call)) return *refused;
  auto const* user = caller_of(call).user;
  if (user == nullptr) return error_answer(401, "", "Invalid username or password.");
  auto const body = body_object(call);
  if (!body) return bad("The body is not a JSON object");
  auto const type = text_of(*body, "type", "model");
  auto const from = text_of(*body, "fromRepo");
  auto const to = text_of(*body, "toRepo");
  auto const* repo = world.find(type, from);
  if (repo == nullptr || !world.may_see(*repo, user)) return error_answer(404, "RepoNotFound", "Repository not found");
  auto const slash = to.find('/');
  if (slash == std::string::npos || !good_name(to.substr(slash + 1))) return bad("Invalid repo name: " + to);
  if (!world.may_write(*repo, user) || !world.may_write_namespace(to.substr(0, slash), user)) return write_refused();
  if (world.find(type, to) != nullptr) return error_answer(409, "", "A " + type + " repository called " + to + " already exists");
  world.rename(type, repo->id, to);
  return json_answer(json::object{{"success", true}});
}

Answer Hub::settings(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::write);
  if (opened.refusal) return *opened.refusal;
  auto const body = body_object(call);
  if (!body) return bad("The body is not a JSON object");
  if (auto const* flag = body->if_contains("private"); flag != nullptr && flag->is_bool()) opened.repo->is_private = flag->get_bool();
  if (auto const visibility = text_of(*body, "visibility"); !visibility.empty()) opened.repo->is_private = visibility == "private";
  if (auto const* gated = body->if_contains("gated")) {
    auto const mode = gated->is_string() ? text_of(*body, "gated") : std::string();
    if (!mode.empty() && mode != "auto" && mode != "manual") return bad("\"gated\" must be one of [auto, manual, false]");
    opened.repo->gated = mode;
  }
  return json_answer(json::object{{"private", opened.repo->is_private}});
}

std::shared_ptr<Commit const> Hub::base_of(Repo const& repo, Call const& call, Place const& place, std::optional<Answer>& refusal) {
  auto const revision = call.rest(place.rest);
  auto const ref = repo.refs.find(ref_for(revision));
  bool const tag = revision.starts_with("refs/tags/");
  bool const branch_only = call.query.flag("create_pr");
  if (ref == repo.refs.end() || tag || (branch_only && !ref->first.starts_with("refs/heads/"))) {
    refusal = error_answer(404, "RevisionNotFound", "Invalid rev id: " + revision);
    return nullptr;
  }
  return repo.commits.at(ref->second);
}

Answer Hub::preupload(Call const& call, Place const& place) {
  auto opened = open(call, place, call.query.flag("create_pr") ? Need::see : Need::write);
  if (opened.refusal) return *opened.refusal;
  std::optional<Answer> refusal;
  auto const base = base_of(*opened.repo, call, place, refusal);
  if (refusal) return *refusal;
  auto const body = body_object(call);
  if (!body || !body->contains("files") || !body->at("files").is_array()) return bad("\"files\" is required");
  auto const attributes = body->contains("gitAttributes") ? text_of(*body, "gitAttributes") : attributes_of(*base->tree);
  auto const in_repo = base->tree->find(".gitignore");
  auto const ignore = body->contains("gitIgnore") ? text_of(*body, "gitIgnore")
                                                  : in_repo == base->tree->end() ? std::string() : in_repo->second.content->text;
  json::array out;
  for (auto const& value : body->at("files").get_array()) {
    auto const* file = value.if_object();
    auto const* size = file == nullptr ? nullptr : file->if_contains("size");
    if (size == nullptr || !size->is_number()) return bad("\"files[].size\" is required");
    auto const path = text_of(*file, "path");
    auto const sample = base64_decode(text_of(*file, "sample"));
    if (path.empty() || !sample) return bad("\"files[].path\" and \"files[].sample\" are required");
    auto const bytes = size->to_number<std::uint64_t>();
    bool const lfs = bytes > 0 && (attributes_lfs(attributes, path) || bytes >= kRegularMax || looks_binary(*sample));
    json::object item{{"path", path}, {"uploadMode", lfs ? "lfs" : "regular"}, {"shouldIgnore", gitignored(ignore, path)}};
    auto const known = base->tree->find(path);
    if (known != base->tree->end()) item["oid"] = known->second.etag();
    out.push_back(item);
  }
  return json_answer(json::object{{"files", out}, {"commitOid", base->id}});
}

int Hub::open_pull_request(Repo& repo, std::string const& title, std::string const& base, std::string const& commit) {
  int number = 1;
  for (auto const& one : repo.pull_requests) number = std::max(number, one.number + 1);
  repo.pull_requests.push_back({number, title, base});
  repo.refs["refs/pr/" + std::to_string(number)] = commit;
  return number;
}

Answer Hub::commit(Call const& call, Place const& place) {
  bool const pull_request = call.query.flag("create_pr");
  auto opened = open(call, place, pull_request ? Need::see : Need::write);
  if (opened.refusal) return *opened.refusal;
  if (opened.caller.user == nullptr) return not_found(opened.caller);
  auto& repo = *opened.repo;
  std::optional<Answer> refusal;
  auto const base = base_of(repo, call, place, refusal);
  if (refusal) return *refusal;

  CommitDraft draft;
  draft.parent = base->id;
  draft.tree = *base->tree;
  draft.author = opened.caller.user->name;
  draft.date = now_text();
  Tree added;
  std::string uncovered;  // .gitattributes lines for LFS files that no pattern covers
  bool header = false;
  for (auto const& line : split(call.body, '\n')) {
    if (trim(line).empty()) continue;
    boost::system::error_code error;
    auto const value = json::parse(line, error);
    auto const* object = error ? nullptr : value.if_object();
    auto const* inner = object == nullptr ? nullptr : object->if_contains("value");
    if (inner == nullptr || !inner->is_object()) return bad("A line of the commit is not {\"key\", \"value\"}");
    auto const key = text_of(*object, "key");
    auto const& item = inner->get_object();
    if (key == "header") {
      header = true;
      draft.title = text_of(item, "summary");
      draft.message = text_of(item, "description");
      auto const parent = lower(text_of(item, "parentCommit"));
      if (!parent.empty() && (parent.size() < 5 || !base->id.starts_with(parent))) {
        return error_answer(412, "", "The branch was updated since you opened this page. Please refresh and try again.");
      }
      continue;
    }
    auto const path = text_of(item, "path");
    if (!good_path(path.ends_with('/') ? std::string_view(path).substr(0, path.size() - 1) : path)) {
      return error_answer(422, "", "Invalid path: " + path);
    }
    if (key == "file") {
      auto const content = text_of(item, "content");
      auto bytes = text_of(item, "encoding", "utf-8") == "base64" ? base64_decode(content) : std::optional(content);
      if (!bytes) return bad("The content of " + path + " is not base64");
      if (bytes->size() > kRegularMax + kRegularMax / 2) return bad("File " + path + " is too large for a regular file");
      added[path] = {store.from_text(std::move(*bytes)), false};
    } else if (key == "lfsFile") {
      auto const oid = text_of(item, "oid");
      auto const found = lfs_entry(repo, oid);
      if (!found) return bad("The file " + path + " cannot be committed: " + found.error().what);
      if (!*found) return bad("LFS pointer pointed to a file that does not exist: " + path);
      auto const* size = item.if_contains("size");
      if (size != nullptr && size->is_number() && size->to_number<std::uint64_t>() != (*found)->content->size) return bad("The size of " + path + " is wrong");
      added[path] = **found;
      auto const old = text_of(item, "oldPath");
      if (!old.empty()) draft.tree.erase(old);
    } else if (key == "deletedFile" || key == "deletedFolder" || key == "deletedEntry") {
      auto const count = draft.tree.size();
      draft.tree.erase(path);
      erase_folder(draft.tree, path);
      if (draft.tree.size() == count) {
        auto answer = error_answer(404, "EntryNotFound", "A file with this name doesn't exist: " + path);
        answer.set("X-Repo-Commit", base->id);
        return answer;
      }
    } else {
      return bad("Unknown operation " + key);
    }
  }
  if (!header || draft.title.empty()) return bad("\"summary\" is required");
  for (auto& [path, entry] : added) draft.tree[path] = entry;  // an add wins over a delete
  auto const attributes = attributes_of(draft.tree);
  for (auto const& [path, entry] : added) {
    if (entry.lfs && !attributes_lfs(attributes, path)) uncovered += path + " filter=lfs diff=lfs merge=lfs -text\n";
  }
  if (!uncovered.empty()) draft.tree[".gitattributes"] = {store.from_text(attributes + uncovered), false};

  auto const title = draft.title;
  auto const made = add_commit(repo, std::move(draft));
  auto const web = call.base + "/" + url_prefix(repo.type) + repo.id;
  json::object out{{"success", true}, {"commitOid", made->id}, {"commitUrl", web + "/commit/" + made->id}, {"hookOutput", ""}};
  if (pull_request) {
    auto const number = open_pull_request(repo, title, call.rest(place.rest), made->id);
    out["pullRequestUrl"] = web + "/discussions/" + std::to_string(number);
  } else {
    repo.refs[ref_for(call.rest(place.rest))] = made->id;
  }
  return json_answer(out);
}

Answer Hub::branch(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::write);
  if (opened.refusal) return *opened.refusal;
  auto& repo = *opened.repo;
  auto const name = call.rest(place.rest);
  if (name.starts_with("refs/") && !name.starts_with("refs/heads/")) return bad("Invalid reference for a branch: " + name);
  auto const ref = ref_for(name);
  if (call.method == "DELETE") {
    if (ref == "refs/heads/main") return error_answer(403, "", "Cannot delete refs/heads/main");
    if (repo.refs.erase(ref) == 0) return error_answer(404, "RevisionNotFound", "Invalid rev id: " + name);
    return json_answer(json::object{{"success", true}});
  }
  if (!good_ref(name)) return bad("Invalid reference for a branch: " + name);
  auto const body = body_object(call);
  if (!body) return bad("The body is not a JSON object");
  auto const* overwrite = body->if_contains("overwrite");
  if (repo.refs.contains(ref) && !(overwrite != nullptr && overwrite->is_bool() && overwrite->get_bool())) {
    return error_answer(409, "", "Reference " + ref + " already exists");
  }
  auto const* empty = body->if_contains("emptyBranch");
  if (empty != nullptr && empty->is_bool() && empty->get_bool()) {
    CommitDraft draft;
    draft.title = "initial commit";
    draft.author = opened.caller.user->name;
    draft.date = now_text();
    repo.refs[ref] = add_commit(repo, std::move(draft))->id;
    return json_answer(json::object{{"success", true}});
  }
  auto found = at(repo, text_of(*body, "startingPoint", "main"));
  if (found.refusal) return *found.refusal;
  repo.refs[ref] = found.commit->id;
  return json_answer(json::object{{"success", true}});
}

Answer Hub::tag(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::write);
  if (opened.refusal) return *opened.refusal;
  auto& repo = *opened.repo;
  auto const revision = call.rest(place.rest);
  if (call.method == "DELETE") {
    if (repo.refs.erase("refs/tags/" + revision) == 0) return error_answer(404, "RevisionNotFound", "Invalid rev id: " + revision);
    return json_answer(json::object{{"success", true}});
  }
  auto const body = body_object(call);
  auto const name = body ? text_of(*body, "tag") : std::string();
  if (!good_ref(name)) return bad("Invalid reference for a tag: " + name);
  auto found = at(repo, revision.empty() ? "main" : revision);
  if (found.refusal) return *found.refusal;
  if (repo.refs.contains("refs/tags/" + name)) return error_answer(409, "", "Reference refs/tags/" + name + " already exists");
  repo.refs["refs/tags/" + name] = found.commit->id;
  return json_answer(json::object{{"success", true}});
}

Answer Hub::squash(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::write);
  if (opened.refusal) return *opened.refusal;
  auto& repo = *opened.repo;
  auto const ref = repo.refs.find(ref_for(call.rest(place.rest)));
  if (ref == repo.refs.end()) return error_answer(404, "RevisionNotFound", "Invalid rev id: " + call.rest(place.rest));
  auto const body = body_object(call);
  CommitDraft draft;
  draft.title = body ? text_of(*body, "message") : std::string();
  if (draft.title.empty()) draft.title = "Super-squash branch '" + call.rest(place.rest) + "'";
  draft.author = opened.caller.user->name;
  draft.date = now_text();
  draft.tree = *repo.commits.at(ref->second)->tree;
  ref->second = add_commit(repo, std::move(draft))->id;
  return json_answer(json::object{{"success", true}});
}

Answer Hub::discussion(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::see);
  if (opened.refusal) return *opened.refusal;
  if (opened.caller.user == nullptr) return not_found(opened.caller);
  auto const body = body_object(call);
  auto const* flag = body ? body->if_contains("pullRequest") : nullptr;
  auto const base = opened.repo->resolve("main");
  if (flag == nullptr || !flag->is_bool() || !flag->get_bool() || !base) return bad("Only pull requests can be opened here");
  auto const number = open_pull_request(*opened.repo, text_of(*body, "title"), "main", base->id);
  return json_answer(json::object{{"num", number}, {"url", call.base + "/" + url_prefix(opened.repo->type) + opened.repo->id + "/discussions/" + std::to_string(number)}});
}

}  // namespace hubd::localhub
