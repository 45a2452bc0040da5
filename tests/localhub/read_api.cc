// SPDX-License-Identifier: Apache-2.0
// What a repo is and holds: info, tree, paths-info, refs, commits, lists, identity.
#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "tests/localhub/crypto.h"
#include "tests/localhub/hub.h"

namespace hubd::localhub {
namespace {

namespace json = boost::json;

std::vector<std::string> const& expand_names(std::string const& type) {
  static std::vector<std::string> const models{
      "author", "baseModels", "cardData", "childrenModelCount", "config", "createdAt", "disabled", "downloads", "downloadsAllTime",
      "evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified", "library_name", "likes", "mask_token",
      "model-index", "pipeline_tag", "private", "resourceGroup", "safetensors", "sha", "siblings", "spaces", "tags",
      "transformersInfo", "trendingScore", "usedStorage", "widgetData", "gitalyUid", "xetEnabled"};
  static std::vector<std::string> const datasets{
      "author", "cardData", "citation", "createdAt", "description", "disabled", "downloads", "downloadsAllTime", "gated",
      "lastModified", "likes", "mainSize", "paperswithcode_id", "private", "resourceGroup", "sha", "siblings", "tags",
      "trendingScore", "usedStorage", "gitalyUid", "xetEnabled"};
  static std::vector<std::string> const spaces{
      "author", "cardData", "createdAt", "datasets", "disabled", "lastModified", "likes", "models", "private", "region",
      "resourceGroup", "runtime", "sdk", "sha", "siblings", "subdomain", "tags", "trendingScore", "usedStorage", "gitalyUid", "xetEnabled"};
  return type == "dataset" ? datasets : type == "space" ? spaces : models;
}

json::object lfs_json(Entry const& entry, std::string_view hash_key) {
  return {{hash_key, entry.content->sha256}, {"size", entry.content->size}, {"pointerSize", entry.content->pointer.size()}};
}

json::object last_commit_json(Repo const& repo, std::shared_ptr<Commit const> const& from, std::string const& path) {
  auto const commit = last_commit(repo, from, path);
  return {{"id", commit->id}, {"title", commit->title}, {"date", commit->date}};
}

struct Describer {
  Repo const& repo;
  std::shared_ptr<Commit const> commit;
  bool expand = false;
  bool masked = false;  // the caller may not have the files

  [[nodiscard]] json::object file(std::string const& path, Entry const& entry) const {
    json::object item{{"type", "file"}, {"oid", entry.oid()}, {"size", entry.content->size}, {"path", path}};
    if (entry.lfs) item["lfs"] = lfs_json(entry, "oid");
    if (!entry.xet.empty()) item["xetHash"] = masked ? std::string(64, '*') : entry.xet;
    if (expand) {
      item["lastCommit"] = last_commit_json(repo, commit, path);
      item["securityFileStatus"] = json::object{{"status", "safe"}, {"avScan", nullptr}, {"pickleImportScan", nullptr}};
    }
    return item;
  }
  [[nodiscard]] json::object directory(std::string const& path) const {
    json::object item{{"type", "directory"}, {"oid", commit->directories.at(path)}, {"size", 0}, {"path", path}};
    if (expand) item["lastCommit"] = last_commit_json(repo, commit, path);
    return item;
  }
};

// Every path at or below a directory: files, and the directories between.
std::set<std::string> listing(Tree const& tree, std::string const& directory, bool recursive) {
  std::set<std::string> paths;
  auto const skip = directory.empty() ? 0 : directory.size() + 1;
  auto const [first, last] = below(tree, directory);
  for (auto it = first; it != last; ++it) {
    auto const& path = it->first;
    for (auto slash = path.find('/', skip); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      paths.insert(path.substr(0, slash));
      if (!recursive) break;
    }
    if (recursive || path.find('/', skip) == std::string::npos) paths.insert(path);
  }
  return paths;
}

void link_next(Answer& answer, Call const& call, std::string const& cursor) {
  auto query = call.query.text_without("cursor");
  answer.set("Link", "<" + call.base + call.path + "?" + query + (query.empty() ? "" : "&") + "cursor=" + hex_of(cursor) + ">; rel=\"next\"");
}

json::array siblings(Commit const& commit, bool blobs) {
  json::array out;
  for (auto const& [path, entry] : *commit.tree) {
    json::object item{{"rfilename", path}};
    if (blobs) {
      item["size"] = entry.content->size;
      item["blobId"] = entry.oid();
      if (entry.lfs) item["lfs"] = lfs_json(entry, "sha256");
    }
    out.push_back(item);
  }
  return out;
}

std::optional<json::object> card(Commit const& commit) {
  auto const readme = commit.tree->find("README.md");
  if (readme == commit.tree->end()) return std::nullopt;
  return front_matter(readme->second.content->text);
}

json::array tags_of(Repo const& repo, std::optional<json::object> const& data) {
  json::array tags;
  if (data) {
    if (auto const* list = data->if_contains("tags"); list != nullptr && list->is_array()) tags = list->get_array();
    if (auto const* license = data->if_contains("license"); license != nullptr && license->is_string()) {
      tags.push_back(json::value("license:" + std::string(license->get_string())));
    }
  }
  if (repo.type != "space") tags.push_back("region:us");
  return tags;
}

json::object describe_repo(Repo const& repo, std::shared_ptr<Commit const> const& commit, bool blobs) {
  json::object out{{"_id", repo.oid}, {"id", repo.id}, {"private", repo.is_private}, {"disabled", repo.disabled},
                   {"downloads", repo.downloads}, {"likes", 0}, {"createdAt", repo.created}};
  if (repo.type == "model") out["modelId"] = repo.id;
  if (repo.gated.empty()) {
    out["gated"] = false;
  } else {
    out["gated"] = repo.gated;
  }
  out["author"] = repo.space().empty() ? json::value(nullptr) : json::value(repo.space());
  std::optional<json::object> data;
  Bytes storage = 0;
  if (commit) {
    data = card(*commit);
    out["sha"] = commit->id;
    out["lastModified"] = commit->date;
    if (repo.type != "kernel") out["siblings"] = siblings(*commit, blobs);
    for (auto const& item : *commit->tree) storage += item.second.content->size;
  }
  out["tags"] = tags_of(repo, data);
  if (data) {
    if (repo.type == "model") {
      for (auto const* key : {"library_name", "pipeline_tag"}) {
        if (data->contains(key)) out[key] = data->at(key);
      }
    }
    out["cardData"] = *data;
  }
  out["usedStorage"] = storage;
  if (repo.type == "model") {
    out["config"] = json::object{};
    out["spaces"] = json::array{};
  }
  if (repo.type == "space") {
    auto subdomain = repo.id;
    std::replace(subdomain.begin(), subdomain.end(), '/', '-');
    out["sdk"] = repo.sdk.empty() ? json::value(nullptr) : json::value(repo.sdk);
    out["subdomain"] = subdomain;
    out["host"] = "https://" + subdomain + ".hf.space";
    out["models"] = json::array{};
    out["datasets"] = json::array{};
    out["runtime"] = json::object{{"stage", "NO_APP_FILE"}, {"hardware", json::object{{"current", nullptr}, {"requested", nullptr}}},
                                  {"storage", nullptr}};
  }
  return out;
}

json::object commit_json(Commit const& commit, bool formatted) {
  json::object item{{"id", commit.id}, {"title", commit.title}, {"message", commit.message}, {"date", commit.date},
                    {"authors", json::array{json::object{{"user", commit.author}, {"avatar", "/avatars/" + commit.author + ".svg"}}}}};
  if (formatted) item["formatted"] = json::object{{"title", commit.title}, {"message", commit.message}};
  return item;
}

}  // namespace

Answer Hub::info(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::see);
  if (opened.refusal) return *opened.refusal;
  auto const& repo = *opened.repo;
  std::shared_ptr<Commit const> commit = repo.resolve("main");
  if (place.verb == "revision") {
    auto found = at(repo, call.rest(place.rest));
    if (found.refusal) return *found.refusal;
    commit = found.commit;
  }
  auto const wanted = call.query.all("expand");
  auto const& allowed = expand_names(repo.type);
  for (auto const& name : wanted) {
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
    std::string names;
    for (auto const& one : allowed) names += (names.empty() ? "" : ", ") + one;
    return error_answer(400, "", "\"expand\" must be one of [" + names + "]");
  }
  auto all = describe_repo(repo, commit, call.query.flag("blobs"));
  if (wanted.empty()) {
    if (call.query.flag("securityStatus")) {
      all["securityRepoStatus"] = json::object{{"scansDone", true}, {"filesWithIssues", json::array{}}};
    }
    return json_answer(all);
  }
  json::object some{{"_id", repo.oid}, {"id", repo.id}};
  for (auto const& name : wanted) {
    if (auto const* value = all.if_contains(name)) some[name] = *value;
  }
  return json_answer(some);
}

Answer Hub::tree(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::see);
  if (opened.refusal) return *opened.refusal;
  auto const revision = call.segment(place.rest);
  auto found = at(*opened.repo, revision);
  if (found.refusal) return *found.refusal;
  auto directory = call.rest(place.rest + 1);
  while (directory.ends_with('/')) directory.pop_back();
  auto const& files = *found.commit->tree;
  if (!directory.empty() && !found.commit->directories.contains(directory)) {
    auto answer = error_answer(404, "EntryNotFound", directory + " does not exist on \"" + revision + "\"");
    answer.set("X-Repo-Commit", found.commit->id);
    return answer;
  }
  Describer const describer{*opened.repo, found.commit, call.query.flag("expand"), !world.may_read_files(*opened.repo, opened.caller.user)};
  auto const page = describer.expand ? knobs.tree_page_expand : knobs.tree_page;
  auto const paths = listing(files, directory, call.query.flag("recursive"));
  auto it = paths.begin();
  if (auto const cursor = call.query.get("cursor")) it = paths.upper_bound(raw_of(*cursor));
  json::array out;
  std::string last;
  for (; it != paths.end() && out.size() < page; ++it) {
    auto const file = files.find(*it);
    out.push_back(file == files.end() ? describer.directory(*it) : describer.file(*it, file->second));
    last = *it;
  }
  auto answer = json_answer(out);
  if (it != paths.end()) link_next(answer, call, last);
  answer.set("X-Repo-Commit", found.commit->id);
  return answer;
}

Answer Hub::paths_info(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::see);
  if (opened.refusal) return *opened.refusal;
  auto found = at(*opened.repo, call.rest(place.rest));
  if (found.refusal) return *found.refusal;
  std::vector<std::string> paths;
  bool expand = false;
  if (call.header("content-type").find("json") != std::string_view::npos) {
    boost::system::error_code error;
    auto const body = json::parse(call.body, error);
    auto const* list = error || !body.is_object() ? nullptr : body.get_object().if_contains("paths");
    if (list == nullptr) return error_answer(400, "", "\"paths\" is required");
    auto const items = list->is_array() ? list->get_array() : json::array{*list};
    for (auto const& item : items) {
      if (item.is_string()) paths.emplace_back(item.get_string());
    }
    auto const* flag = body.get_object().if_contains("expand");
    expand = flag != nullptr && flag->is_bool() && flag->get_bool();
  } else {
    Query const form(call.body);
    paths = form.all("paths");
    expand = form.flag("expand");
  }
  Describer const describer{*opened.repo, found.commit, expand, !world.may_read_files(*opened.repo, opened.caller.user)};
  json::array out;
  for (auto path : paths) {
    while (path.ends_with('/')) path.pop_back();
    auto const file = found.commit->tree->find(path);
    if (file != found.commit->tree->end()) {
      out.push_back(describer.file(path, file->second));
    } else if (!path.empty() && found.commit->directories.contains(path)) {
      out.push_back(describer.directory(path));
    }
  }
  return json_answer(out);
}

Answer Hub::refs(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::see);
  if (opened.refusal) return *opened.refusal;
  std::map<std::string, json::array> lists;
  for (auto const& [name, commit] : opened.repo->refs) {
    auto const parts = split(name, '/');
    if (parts.size() < 3) continue;
    auto const prefix = parts[0].size() + parts[1].size() + 2;
    lists[parts[1]].push_back(json::object{{"name", name.substr(prefix)}, {"ref", name}, {"targetCommit", commit}});
  }
  json::object out{{"branches", lists["heads"]}, {"converts", lists["convert"]}, {"tags", lists["tags"]}};
  if (call.query.flag("include_prs") || call.query.flag("include_pull_requests")) out["pullRequests"] = lists["pr"];
  return json_answer(out);
}

Answer Hub::commits(Call const& call, Place const& place) {
  auto opened = open(call, place, Need::see);
  if (opened.refusal) return *opened.refusal;
  auto found = at(*opened.repo, call.rest(place.rest));
  if (found.refusal) return *found.refusal;
  auto const expand = call.query.all("expand");
  bool const formatted = std::find(expand.begin(), expand.end(), "formatted") != expand.end();
  std::vector<std::shared_ptr<Commit const>> history;
  for (auto commit = found.commit; commit;) {
    history.push_back(commit);
    auto const parent = opened.repo->commits.find(commit->parent);
    commit = parent == opened.repo->commits.end() ? nullptr : parent->second;
  }
  auto const asked = call.query.get("limit");
  auto const page = asked ? std::max<std::size_t>(1, std::strtoul(asked->c_str(), nullptr, 10)) : knobs.list_page;
  std::size_t from = 0;
  if (auto const number = call.query.get("p")) from = std::strtoul(number->c_str(), nullptr, 10) * page;
  if (auto const cursor = call.query.get("cursor")) from = std::strtoul(raw_of(*cursor).c_str(), nullptr, 10);
  json::array out;
  auto const end = std::min(history.size(), from + page);
  for (auto i = from; i < end; ++i) out.push_back(commit_json(*history[i], formatted));
  auto answer = json_answer(out);
  answer.set("X-Total-Count", std::to_string(history.size()));
  if (end < history.size()) link_next(answer, call, std::to_string(end));
  return answer;
}

Answer Hub::auth_check(Call const& call, Place const& place) {
  bool const write = call.segment(place.rest) == "write";
  auto opened = open(call, place, write ? Need::write : Need::files);
  if (opened.refusal) return *opened.refusal;
  return text_answer(200, "OK");
}

Answer Hub::list(Call const& call) {
  auto const type = singular(call.segment(1));
  if (auto refused = credentials_refused(call)) return *refused;
  auto const* user = caller_of(call).user;
  auto const searches = call.query.all("search");
  auto const author = call.query.get("author");
  auto const filters = call.query.all("filter");
  auto const limit = call.query.get("limit");
  auto const page = limit ? std::clamp<std::size_t>(std::strtoul(limit->c_str(), nullptr, 10), 1, knobs.list_page) : knobs.list_page;
  auto const cursor = raw_of(call.query.get("cursor").value_or(""));
  json::array out;
  std::string last;
  bool more = false;
  for (auto const* repo : world.repos(type)) {
    if (!world.may_see(*repo, user) || (!cursor.empty() && lower(repo->id) <= cursor)) continue;
    if (author && lower(*author) != lower(repo->space())) continue;
    bool const found = std::all_of(searches.begin(), searches.end(), [&](std::string const& word) {
      return lower(repo->id).find(lower(word)) != std::string::npos;
    });
    if (!found) continue;
    auto const commit = repo->resolve("main");
    auto item = describe_repo(*repo, commit, false);
    auto const& tags = item["tags"].as_array();
    bool const kept = std::all_of(filters.begin(), filters.end(), [&](std::string const& tag) {
      return std::find(tags.begin(), tags.end(), json::value(tag)) != tags.end();
    });
    if (!kept) continue;
    if (out.size() == page) {
      more = true;
      break;
    }
    if (!call.query.flag("full")) {
      for (auto const* key : {"author", "sha", "lastModified", "siblings", "gated", "disabled"}) item.erase(key);
    }
    if (!call.query.flag("full") && !call.query.flag("cardData")) item.erase("cardData");
    if (!call.query.flag("config")) item.erase("config");
    out.push_back(item);
    last = lower(repo->id);
  }
  auto answer = json_answer(out);
  if (more) link_next(answer, call, last);
  return answer;
}

Answer Hub::whoami(Call const& call) {
  if (auto refused = credentials_refused(call)) return *refused;
  auto const* user = caller_of(call).user;
  if (user == nullptr) return error_answer(401, "", "Invalid username or password.");
  json::array orgs;
  for (auto const& name : world.orgs_of(user->name)) {
    orgs.push_back(json::object{{"type", "org"}, {"id", sha1_hex("org:" + name).substr(0, 24)}, {"name", name}, {"fullname", name},
                                {"avatarUrl", "/avatars/" + name + ".svg"}, {"roleInOrg", "admin"}, {"isEnterprise", false}});
  }
  return json_answer(json::object{
      {"type", "user"}, {"id", sha1_hex("user:" + user->name).substr(0, 24)}, {"name", user->name}, {"fullname", user->name},
      {"email", user->name + "@localhub.invalid"}, {"emailVerified", true}, {"canPay", false}, {"isPro", false},
      {"periodEnd", nullptr}, {"avatarUrl", "/avatars/" + user->name + ".svg"}, {"orgs", orgs},
      {"auth", json::object{{"type", "access_token"}, {"accessToken", json::object{{"displayName", user->name + "-token"},
                            {"role", user->role}, {"createdAt", "2026-01-01T00:00:00.000Z"}}}}}});
}

}  // namespace hubd::localhub
